package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/server"
	"gatehouse/server/access"
	"gatehouse/server/directory"
)

// maxTokenBytes bounds what is read as a token: more than any that the server makes.
const maxTokenBytes = 64 << 10

// errTokenRefused sets the exit code for scripts; the reasons are printed.
var errTokenRefused = errors.New("the token is refused")

func tokenDebugCommand() *cobra.Command {
	var output string
	debug := &cobra.Command{
		Use: "debug [-]", Short: "Say what a token on standard input is, whose, and whether it is accepted; exit 1 when it is not", Args: onlyDash,
		RunE: func(command *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output %s: text and json are accepted", output)
			}
			token, err := readToken(command.InOrStdin())
			if err != nil {
				return err
			}
			var explained access.Explanation
			err = withKeys(command, func(cfg Config, keys server.Keys) error {
				d := directory.New(keys.Store, settingsOf(cfg), time.Now)
				explainer, err := keys.TokenExplainer(command.Context(), d, cfg.PublicURL)
				if err != nil {
					return err
				}
				explained, err = explainer.Explain(command.Context(), directory.Operator(), token)
				return err
			})
			if err != nil {
				return err
			}
			return printExplanation(command.OutOrStdout(), output, explained)
		},
	}
	debug.Flags().StringVar(&output, "output", "text", "text or json")
	addConfigFlags(debug.Flags(), append([]string{"public-url"}, dataFlagNames...)...)
	return debug
}

// onlyDash refuses a token as an argument, where everybody on the machine sees it, and the history of the shell keeps it.
func onlyDash(_ *cobra.Command, arguments []string) error {
	if len(arguments) > 1 || len(arguments) == 1 && arguments[0] != "-" {
		return errors.New("the token is read from standard input, where nobody else sees it: run gatehouse token debug, paste it, and end with Ctrl-D")
	}
	return nil
}

func readToken(in io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxTokenBytes))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", errors.New("there is no token on standard input; paste one, or use a pipe")
	}
	return token, nil
}

// explainedToken is the JSON that scripts read.
type explainedToken struct {
	Accepted  bool          `json:"accepted"`
	Refusals  []string      `json:"refusals"`
	Kind      string        `json:"kind"`
	ID        string        `json:"id,omitempty"`
	Grant     string        `json:"grant,omitempty"`
	Service   *namedEntity  `json:"service,omitempty"`
	User      *namedEntity  `json:"user,omitempty"`
	Scope     string        `json:"scope,omitempty"`
	Audience  []namedEntity `json:"audience,omitempty"`
	IssuedAt  *time.Time    `json:"issuedAt,omitempty"`
	ExpiresAt *time.Time    `json:"expiresAt,omitempty"`
}

type namedEntity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// printExplanation prints what a token is; the error is errTokenRefused for one that is not accepted.
func printExplanation(out io.Writer, format string, e access.Explanation) error {
	shown := explainedToken{Accepted: len(e.Refusals) == 0, Refusals: append([]string{}, e.Refusals...), Kind: e.Kind, ID: e.ID, Grant: e.GrantID,
		Service: entityOrNil(e.ServiceID, e.ServiceName), User: entityOrNil(e.UserID, e.UserName), Scope: e.Scope,
		IssuedAt: timeOrNil(e.IssuedAt), ExpiresAt: timeOrNil(e.ExpiresAt)}
	for i, id := range e.Audience {
		shown.Audience = append(shown.Audience, namedEntity{id, e.AudienceNames[i]})
	}
	print := printExplainedText
	if format == "json" {
		print = func(out io.Writer, shown explainedToken) error { return printJSON(out, shown) }
	}
	if err := print(out, shown); err != nil || shown.Accepted {
		return err
	}
	return errTokenRefused
}

func entityOrNil(id, name string) *namedEntity {
	if id == "" {
		return nil
	}
	return &namedEntity{id, name}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func printExplainedText(out io.Writer, e explainedToken) error {
	if e.Accepted {
		fmt.Fprintln(out, "accepted")
	}
	for _, refusal := range e.Refusals {
		fmt.Fprintln(out, "refused:", refusal)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	row("what it is", e.Kind)
	row("issued to", e.Service.String())
	row("stands for", e.User.String())
	row("scope", e.Scope)
	for i := range e.Audience {
		row("accepted by", e.Audience[i].String())
	}
	if e.IssuedAt != nil {
		row("issued", e.IssuedAt.Format(time.RFC3339))
	}
	if e.ExpiresAt != nil {
		row("expires", e.ExpiresAt.Format(time.RFC3339))
	}
	row("id", e.ID)
	row("authorization", e.Grant)
	return table.Flush()
}

// String is the name with the id behind it; "" for none.
func (n *namedEntity) String() string {
	if n == nil {
		return ""
	}
	return n.Name + ", " + n.ID
}
