package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gatehouse/server/directory"
)

// madeAdmin is the administrator that a first start has made.
type madeAdmin struct {
	login string
	// password is empty when it was configured: then it is known already.
	password string
}

// makeAdmin makes an administrator when there is none. Of several processes that do so at once one makes it, and only
// that one knows the password.
func makeAdmin(ctx context.Context, d *directory.Directory, cfg Config) (*madeAdmin, error) {
	exists, err := d.HasAdmin(ctx)
	if err != nil || exists {
		return nil, err
	}
	made := &madeAdmin{login: cfg.AdminLogin}
	password := cfg.AdminPassword
	if password == "" {
		password = rand.Text()
		made.password = password
	}
	_, err = d.CreateUser(ctx, directory.NewUser{Login: cfg.AdminLogin, Name: cfg.AdminLogin, Password: password, Admin: true})
	if invalid := (*directory.InvalidField)(nil); errors.As(err, &invalid) && invalid.Conflict {
		if exists, hasErr := d.HasAdmin(ctx); hasErr != nil || exists {
			return nil, hasErr
		}
		return nil, fmt.Errorf("there is no administrator, and the login %q belongs to somebody else; set GATEHOUSE_ADMIN_LOGIN to another", cfg.AdminLogin)
	} else if err != nil {
		return nil, fmt.Errorf("make the administrator: %w", err)
	}
	return made, nil
}

// announce prints where the server is, and on a first start how to go on. The password is printed this once.
func (p *Program) announce(out io.Writer) {
	var text strings.Builder
	fmt.Fprintf(&text, "\nGatehouse is ready at %s\n\n", p.public)
	if p.admin != nil {
		fmt.Fprintf(&text, "  Administrator  %s\n", p.admin.login)
		if p.admin.password != "" {
			fmt.Fprintf(&text, "  Password       %s   (shown this once)\n", p.admin.password)
		}
	}
	fmt.Fprintf(&text, "  Data           %s\n", p.whereData())
	if p.admin != nil {
		fmt.Fprintf(&text, "\nThree commands for another terminal, in this folder: make an administrator's token,\nregister a service, get a token by client credentials.\n\n%s", p.firstCommands())
	}
	fmt.Fprintln(&text)
	io.WriteString(out, text.String())
}

func (p *Program) whereData() string {
	folder, err := filepath.Abs(p.cfg.Data)
	if err != nil {
		folder = p.cfg.Data
	}
	switch {
	case p.cfg.Database != "" && p.cfg.Secret != "":
		return "PostgreSQL"
	case p.cfg.Database != "":
		return "PostgreSQL; the master secret in " + folder + " (keep it)"
	}
	return folder + " (keep it: database and master secret)"
}

// firstCommands can be pasted into a shell as they are.
func (p *Program) firstCommands() string {
	base := p.localURL()
	return fmt.Sprintf(`  TOKEN=$(%s token create --user %s --name first%s)

  SERVICE=$(curl -sS '%s/api/rest/services?fields=id,secret' -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{"name": "My script"}')

  curl -sS -u "$(echo "$SERVICE" | sed 's/[{}"]//g; s/^id://; s/,secret:/:/')" \
    -d grant_type=client_credentials %s/api/rest/oauth2/token
`, invocation(), shellQuote(p.admin.login), p.dataFlags(), base, base)
}

// localURL is how this machine reaches the server, whatever stands in front of it.
func (p *Program) localURL() string { return p.localAddress() + p.public.Path }

// localAddress is where the server listens, as a URL that this machine can open.
func (p *Program) localAddress() string {
	address := p.listener.Addr().String()
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}

// dataFlags are the flags with which another command finds the same data.
func (p *Program) dataFlags() string {
	flags := ""
	if p.cfg.Data != defaultData {
		flags += " --data " + shellQuote(p.cfg.Data)
	}
	if p.cfg.Database != "" {
		flags += " --database " + shownDatabase(p.cfg.Database)
	}
	return flags
}

// shownDatabase is a database URL as a word for a shell. One with a password is not shown: it is left to the variable
// that a server with a password in its URL is best started with.
func shownDatabase(databaseURL string) string {
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		return `"$GATEHOUSE_DATABASE_URL"`
	}
	if _, has := parsed.User.Password(); has || parsed.Query().Has("password") {
		return `"$GATEHOUSE_DATABASE_URL"`
	}
	return shellQuote(databaseURL)
}

// invocation is how this program was called: go run leaves no program behind that could be called again.
func invocation() string {
	program, err := os.Executable()
	if err != nil || strings.Contains(program, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/gatehouse"
	}
	if found, err := exec.LookPath("gatehouse"); err == nil && found == program {
		return "gatehouse"
	}
	return shellQuote(program)
}

// shellQuote makes one word of text for a POSIX shell.
func shellQuote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
