package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

const (
	// maxUploadBytes bounds the body of a form with a file. It is well above what files may have, so that the person is told
	// so on the page: a browser whose upload is cut off shows no answer.
	maxUploadBytes = 16 << 20
	// maxParts bounds the fields of a form with a file.
	maxParts = 20
)

// Upload is a file that a form brought.
type Upload struct {
	// Content is cut off after one byte more than is accepted.
	Content []byte
}

// FormWithFile reads a form as [Form] does, which may also be multipart/form-data (RFC 7578) and have a file of at most limit
// bytes in the named field, and nothing else in other fields than text. The upload is nil for a form that is not multipart.
func FormWithFile(w http.ResponseWriter, r *http.Request, name string, limit int64) (url.Values, *Upload, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		form, err := Form(w, r)
		return form, nil, err
	}
	u := &uploadReader{parts: multipart.NewReader(http.MaxBytesReader(w, r.Body, maxUploadBytes), parameters["boundary"]), name: name, limit: limit, form: url.Values{}}
	for range maxParts {
		done, err := u.next()
		if err != nil {
			return nil, nil, err
		}
		if done {
			return u.form, &Upload{u.content}, CheckParameters(u.form)
		}
	}
	return nil, nil, invalidRequest("the form has more than %d fields", maxParts)
}

// uploadReader reads the parts of a form.
type uploadReader struct {
	parts   *multipart.Reader
	name    string
	limit   int64
	form    url.Values
	content []byte
}

// next reads one part, and says whether there is none left. A body that goes on after what makes the file too large is read
// no further.
func (u *uploadReader) next() (bool, error) {
	part, err := u.parts.NextPart()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) && int64(len(u.content)) > u.limit {
		return true, nil
	}
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, notMultipart(err)
	}
	name := part.FormName()
	limit := int64(maxFormBytes)
	if name == u.name {
		limit = u.limit
	}
	value, err := io.ReadAll(io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return false, notMultipart(err)
	case name == u.name && u.content != nil:
		return false, invalidRequest("the file %q is sent twice; send it once", name)
	case name == u.name:
		u.content = value
	case int64(len(value)) > limit:
		return false, invalidRequest("the parameter %q is larger than %d KiB", name, limit>>10)
	default:
		u.form.Add(name, string(value))
	}
	return false, nil
}

func notMultipart(err error) error {
	fault := invalidRequest("the body is not a whole form of multipart/form-data; send it again")
	fault.Cause = err
	return fault
}
