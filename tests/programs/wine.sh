# Wine: its server, and the command interpreter of Windows.
export WINEPREFIX=$PWD/prefix WINEDEBUG=-all HOME=$PWD
wine cmd /c ver 2>/dev/null | tail -n 1
wine cmd /c 'echo hello & set /a 6*7' 2>/dev/null
wineserver --wait
