package oauth2

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
)

func isInvalidToken(err error) bool { return errors.Is(err, access.ErrInvalidToken) }

// refusalOf is the error of a request that fosite refused: what the adapter knows, else what fosite says.
func refusalOf(s *session, err error) error {
	if s.failure != nil {
		return s.failure
	}
	if errors.Is(err, seal.ErrTooLong) {
		return invalidScope("the scope is too long to be carried by a token; ask for fewer items, or by id")
	}
	var refused *fosite.RFC6749Error
	if !errors.As(err, &refused) {
		return err
	}
	if refused.CodeField >= http.StatusInternalServerError || refused.ErrorField == "error" {
		return &web.Fault{Status: http.StatusInternalServerError, Code: "server_error", Cause: fmt.Errorf("%w: %s", err, refused.DebugField),
			Description: "something went wrong here; the log has the cause under the X-Request-Id of this answer"}
	}
	text := refused.HintField
	if text == "" {
		text = refused.DescriptionField
	}
	return &web.Fault{Status: http.StatusBadRequest, Code: refused.ErrorField, Description: strings.ToValidUTF8(text, "?"), Cause: err}
}

// passwordFault says in OAuth's words why a user's password was refused.
func passwordFault(err error) error {
	switch {
	case errors.Is(err, directory.ErrBanned):
		return &web.Fault{Status: http.StatusBadRequest, Code: "invalid_grant", Description: "The user is banned; ask an administrator", Cause: err}
	case errors.Is(err, directory.ErrCredentials):
		return &web.Fault{Status: http.StatusBadRequest, Code: "invalid_grant", Description: "Invalid resource owner credentials", Cause: err}
	}
	return err
}
