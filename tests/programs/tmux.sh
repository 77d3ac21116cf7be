# A terminal in a tmux server that nobody is attached to.
set -u
export TMUX_TMPDIR=$PWD
unset TMUX
tmux -f /dev/null new-session -d -x 80 -y 24 'PS1="> " sh'
tmux send-keys 'stty size > size; echo $((6 * 7)) in tmux' Enter
for ((i = 0; i < 600; i++)); do tmux capture-pane -p | grep -q '42 in tmux' && break; sleep 0.1; done
tmux capture-pane -p | grep -o '42 in tmux'
tmux kill-server
cat size
