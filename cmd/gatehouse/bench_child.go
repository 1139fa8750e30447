package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// child is this program running as another process, so that what it takes can be told from what the load takes.
type child struct {
	process *exec.Cmd
	// base is the URL that it has printed, and address the host:port of it.
	base, address string
	complaints    *bytes.Buffer
	kill          context.CancelFunc
}

// readyMark stands before the URL in the line by which a child tells that it listens.
const readyMark = " is ready at "

// startChild runs this program with arguments and returns when it listens. The environment is that of this process,
// but only the given of our own variables are in it.
func startChild(ctx context.Context, environment []string, arguments ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{complaints: &bytes.Buffer{}}
	ctx, c.kill = context.WithCancel(ctx)
	c.process = exec.CommandContext(ctx, program, arguments...) // #nosec G204 -- this program, called by whoever runs it
	c.process.Cancel = func() error { return c.process.Process.Signal(syscall.SIGTERM) }
	c.process.WaitDelay = patience
	c.process.Stderr = c.complaints
	c.process.Env = environment
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, envPrefix) {
			c.process.Env = append(c.process.Env, entry)
		}
	}
	output, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		c.kill()
		return nil, err
	}
	defer time.AfterFunc(patience, c.kill).Stop()
	if err := c.awaitURL(output); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// awaitURL reads the output up to the line with the URL, and throws away the rest.
func (c *child) awaitURL(output io.Reader) error {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, base, found := strings.Cut(lines.Text(), readyMark); found {
			go io.Copy(io.Discard, output)
			parsed, err := url.Parse(base)
			if err != nil {
				return err
			}
			c.base, c.address = base, parsed.Host
			return nil
		}
	}
	return errors.New("the process ended before it was ready")
}

// stop ends the process and waits for its end. The error holds what it has logged, if it did not end well.
func (c *child) stop() error {
	c.kill()
	err := c.process.Wait()
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w\n%s", strings.Join(c.process.Args[1:], " "), err, c.complaints)
}

// longestComplaints is how much of its log an error shows, in bytes.
const longestComplaints = 4 << 10

// lastComplaints is the end of what the process has logged, once it has stopped.
func (c *child) lastComplaints() []byte {
	logged := c.complaints.Bytes()
	return logged[max(0, len(logged)-longestComplaints):]
}

// cpuTime is the processor time that the process has taken so far; 0 where there is no /proc.
func (c *child) cpuTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.process.Process.Pid))
	if err != nil {
		return 0
	}
	return cpuTimeOf(string(stat))
}

// clockTick is the unit of processor times in /proc/PID/stat: USER_HZ is 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTimeOf adds user and system time, fields 14 and 15 of proc(5); the second, the name of the program, may hold
// spaces and parentheses.
func cpuTimeOf(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	if userErr != nil || systemErr != nil {
		return 0
	}
	return time.Duration(user+system) * clockTick
}

// memory is a field of /proc/PID/status that counts memory, such as VmRSS, in bytes; 0 where there is no /proc.
func (c *child) memory(field string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		return 0
	}
	return memoryOf(string(status), field)
}

func memoryOf(status, field string) int64 {
	for line := range strings.Lines(status) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}

// bareCommand is what the server is compared with.
func bareCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bare", Short: "Serve the handler that the server is compared with", Args: cobra.NoArgs, Hidden: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return serveBare(command.Context(), command.OutOrStdout())
		},
	}
}

// serveBare answers with bareHandler on a free port until ctx ends.
func serveBare(ctx context.Context, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The bare handler%shttp://%s\n", readyMark, listener.Addr())
	server := http.Server{Handler: http.HandlerFunc(bareHandler), ReadHeaderTimeout: readHeaderTimeout}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bareHandler does what no token endpoint can do without: it reads a form, hashes a secret, makes a random token and
// answers with JSON.
func bareHandler(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("client_secret")))
	token := make([]byte, 32)
	rand.Read(token)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}{base64.RawURLEncoding.EncodeToString(token), "Bearer", 3600, hex.EncodeToString(sum[:])})
}

func bareScript() script {
	form := url.Values{"grant_type": {"client_credentials"}, "client_secret": {strings.Repeat("s", 43)}}
	return always(formPost("/", "", form.Encode()), `"access_token"`)
}
