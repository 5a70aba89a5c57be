"""Rule → (found in these, not in these): rights, secrets, the network."""

AWS = "AKIA" + "QYLPMN5HFIQR7XYA"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
BODY = "MIIEowIBAAKCAQEAv5m0XyZ0Y3l2c1RqWm9PZ0d4"

CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "world-writable": (
        ("chmod 777 /srv/app", "chmod -R a+rwx data", "chmod o+w file", "mkdir -m 777 x", "umask 000"),
        ("chmod 755 /srv/app", "chmod 1777 /srv/tmp", "chmod g+w file", "chmod u+rw,g+r f", "umask 022"),
    ),
    "setuid": (
        ("chmod u+s /usr/local/bin/tool", "chmod 4755 tool", "chmod +s /bin/bash", "setcap cap_setuid+ep tool"),
        ("chmod 0755 tool", "chmod u+x tool", "setcap cap_net_bind_service+ep tool"),
    ),
    "sudo-redirect": (
        ("sudo echo 1 > /etc/app.conf", "sudo cat x >> /etc/hosts"),
        ("echo 1 | sudo tee /etc/app.conf", "sudo ls > /tmp/x", "sudo ls > list", "sudo ls > /dev/null"),
    ),
    "sudo-su": (
        ("sudo su", "sudo su -", "sudo -i", "sudo bash"),
        ("sudo systemctl restart nginx", "sudo bash ./x.sh", "sudo -n true"),
    ),
    "sudo-loop": (
        ("for f in a b; do sudo chown root $f; done", "while true; do sudo ls; done"),
        ("sudo chown root a b", "for f in a b; do chown me $f; done"),
    ),
    "sudoers-nopasswd": (
        ("echo 'app ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/app", "echo pw | sudo -S ls"),
        ("echo 'app ALL=(root) /usr/bin/systemctl' > /etc/sudoers.d/app", "sudo -n ls", "# sudoers: NOPASSWD: ALL\nls"),
    ),
    "sudoers-unchecked": (
        ("echo 'app ALL=(ALL) ALL' >> /etc/sudoers", "cp new /etc/sudoers.d/app"),
        ("visudo -cf new && cp new /etc/sudoers.d/app", "cat /etc/sudoers", "cp /etc/sudoers /backup/"),
    ),
    "docker-root": (
        ("docker run --privileged app", "docker run -v /:/host app", "podman run -v /var/run/docker.sock:/s app"),
        ("docker run -v ./data:/data app", "docker ps", "docker exec app ls /"),
    ),
    "token-in-text": (
        (f"export AWS_ACCESS_KEY_ID={AWS}", f"git clone https://x/{GITHUB}"),
        ("export AWS_ACCESS_KEY_ID=$KEY", "aws s3 ls", "echo AKIA"),
    ),
    "password-in-option": (
        (
            "mysql -u root -pS3cret99 app",
            "sshpass -p hunter2x ssh host",
            "curl -u me:S3cret99 https://example.org",
            "mysqldump --password=S3cret99 app",
        ),
        (
            "mysql -u root -p app",
            'mysql --password="$PW"',
            "curl -u me https://example.org",
            "sshpass -f file ssh host",
        ),
    ),
    "url-with-password": (
        ("git clone https://me:S3cret99@example.org/x.git", "psql postgresql://app:S3cret99@db/app"),
        (
            "git clone https://example.org/x.git",
            'psql "postgresql://app:$PW@db/app"',
            "git clone git@example.org:x.git",
        ),
    ),
    "authorization-in-text": (
        (
            "curl -H 'Authorization: Bearer abcdef0123456789abcdef' https://example.org",
            "curl -H 'Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l' https://example.org",
        ),
        ('curl -H "Authorization: Bearer $TOKEN" https://example.org', "curl -H @headers https://example.org"),
    ),
    "private-key-in-text": (
        (f"cat > key <<'EOF'\n{KEY}\n{BODY}\nEOF", f"k='{KEY}\n{BODY}'"),
        ("grep -- '-----BEGIN RSA PRIVATE KEY-----' file", "openssl genrsa 2048"),
    ),
    "password-in-text": (
        ("DB_PASSWORD=S3cret99", "export API_SECRET='x9Kq-tr4L'", "MYSQL_PWD=S3cret99 mysql app"),
        (
            "DB_PASSWORD=$(cat /run/secrets/db)",
            "DB_PASSWORD=changeme",
            "PASSWORD_FILE=/run/secrets/db",
            'PASSWORD="$1"',
        ),
    ),
    "no-timeout": (
        ("curl -f https://example.org", "ssh host uptime", "wget https://example.org/x"),
        (
            "curl -f --max-time 30 https://example.org",
            "ssh -o ConnectTimeout=5 host uptime",
            "timeout 30 wget https://example.org/x",
            "curl -sm5 https://example.org",
        ),
    ),
    "tls-unchecked": (
        (
            "curl -k https://example.org",
            "wget --no-check-certificate https://example.org/x",
            "export GIT_SSL_NO_VERIFY=1",
            "curl -fsk https://example.org",
            "pip install --trusted-host h x",
        ),
        (
            "curl --cacert ca.pem https://example.org",
            "wget https://example.org",
            "curl -o k https://example.org",
            "curl -ok https://x",
        ),
    ),
    "ssh-host-unchecked": (
        (
            "ssh -o StrictHostKeyChecking=no host uptime",
            "scp -oStrictHostKeyChecking=no f host:",
            "rsync -e 'ssh -o StrictHostKeyChecking=no' a h:",
        ),
        ("ssh -o StrictHostKeyChecking=accept-new host uptime", "ssh host uptime"),
    ),
    "ssh-eats-input": (
        (
            "while read -r host; do ssh $host uptime; done < hosts",
            "while read -r f; do ffmpeg -i $f $f.mp3; done < list",
        ),
        (
            "while read -r host; do ssh -n $host uptime; done < hosts",
            "for host in a b; do ssh $host uptime; done",
            "while read -r h; do ssh $h uptime < /dev/null; done < hosts",
        ),
    ),
    "curl-no-fail": (
        ("curl -so app.tgz https://example.org/app.tgz", "curl -s https://example.org/x | tar x"),
        (
            "curl -fso app.tgz https://example.org/app.tgz",
            "curl -s https://example.org",
            "curl --fail -O https://example.org/x",
        ),
    ),
    "plain-protocol": (("telnet router", "ftp host"), ("sftp host", "telnet host 25", "echo telnet")),
    "unquoted-expansion": (
        ("rm $file", "cp $1 /srv", "echo $(date)", "ls $dir/x", "grep x ${file}"),
        (
            'rm "$file"',
            "x=$y",
            "echo $#",
            "case $x in a) ls ;; esac",
            "[[ $x == y ]]",
            "tar $TAR_OPTS x",
            "for f in $list; do ls; done",
            "echo $((1 + 2)) ${#x}",
        ),
    ),
    "test-unquoted": (("[ $x = y ]", "test -n $x"), ('[ "$x" = y ]', "[[ $x = y ]]", "[ $# -gt 1 ]", "[ $? -eq 0 ]")),
    "unquoted-list": (
        ("run $@", "run $*", "run ${list[@]}"),
        ('run "$@"', 'run "${list[@]}"', "echo ${#list[@]}", 'x="$*"'),
    ),
    "tilde-in-quotes": (('cp x "~/y"', "dir='~/data'", 'cd "~/x"'), ("cp x ~/y", 'cp x "$HOME/y"', "echo '~/x'")),
    "find-unquoted-pattern": (
        ("find . -name *.log", "find / -iname core*"),
        ("find . -name '*.log'", "find *.d -type f", "find . -name core"),
    ),
    "for-ls": (
        ('for f in $(ls *.log); do gzip "$f"; done', 'for f in `ls`; do echo "$f"; done'),
        ('for f in *.log; do gzip "$f"; done', 'for f in $(seq 3); do echo "$f"; done', "ls"),
    ),
    "for-find": (
        ('for f in $(find . -type f); do ls "$f"; done', 'for f in `find .`; do ls "$f"; done'),
        ("find . -type f -exec ls {} +", 'for f in *; do find "$f"; done'),
    ),
    "for-cat": (
        ('for line in $(cat hosts); do ping -c1 "$line"; done', 'for l in `cat f`; do echo "$l"; done'),
        ('while IFS= read -r line; do ping -c1 "$line"; done < hosts', 'for f in *; do cat "$f"; done'),
    ),
}
