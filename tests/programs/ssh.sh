# ssh and scp with a server that each connection starts, without a port.
set -u
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
cp user_key.pub keys
chmod 600 keys
mkdir -p /run/sshd
cat >conf <<END
HostKey $PWD/host_key
AuthorizedKeysFile $PWD/keys
StrictModes no
UsePAM no
PermitRootLogin yes
END
cat >client <<END
Host *
    ProxyCommand $(command -v sshd || echo /usr/sbin/sshd) -i -f $PWD/conf -E $PWD/log
    IdentityFile $PWD/user_key
    StrictHostKeyChecking no
    UserKnownHostsFile $PWD/known
    LogLevel ERROR
END
user=$(id -un)
ssh -F client "$user@local" 'echo hello from ssh; seq 1000 | md5sum'
seq 20000 >big
scp -O -q -F client big "$user@local:$PWD/copy"
cmp big copy && echo copied
grep -c 'Accepted publickey' log
