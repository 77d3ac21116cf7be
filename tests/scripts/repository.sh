# git: init, add, commit, branch, merge, log, diff, gc, fsck, clone. $1 commits of a few files each.
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat TZ=UTC
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
git config --global init.defaultBranch main
git config --global pack.threads 1
git config --global index.threads 1
git config --global core.preloadIndex false
git config --global gc.auto 0
git config --global advice.detachedHead false
git init -q repository
cd repository
for i in $(seq 1 "$1"); do
    for j in 1 2 3; do seq "$i" "$((i + 200 * j))" > "file-$j-$((i % 5)).txt"; done
    git add .
    GIT_AUTHOR_DATE="$((1700000000 + i)) +0000" GIT_COMMITTER_DATE="$((1700000000 + i)) +0000" \
        git commit -q -m "Commit $i"
done
git log --oneline --stat | tail -n 30
git diff HEAD~2 --stat
git checkout -q -b side HEAD~1
echo side > side.txt
git add side.txt
export GIT_AUTHOR_DATE="1800000000 +0000" GIT_COMMITTER_DATE="1800000000 +0000"
git commit -q -m Side
git merge -q -m Merge main
git log --graph --format='%h %s %an %ad' | head -n 20
git gc -q
git fsck
git count-objects -v | grep -v size
git clone -q . ../clone
git -C ../clone rev-parse HEAD
git status --short
