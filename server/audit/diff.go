package audit

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Diff lists what is different in two views of an entity, which name the same fields in the same order. A new entity has
// no before, a deleted one no after; fields without a value are left out then.
func Diff(before, after []Fact) []Change {
	var changes []Change
	for i := range max(len(before), len(after)) {
		var change Change
		if i < len(before) {
			change.Field, change.Old = before[i].Field, valueOf(before[i])
		}
		if i < len(after) {
			change.Field, change.New = after[i].Field, valueOf(after[i])
		}
		if !reflect.DeepEqual(change.Old, change.New) {
			changes = append(changes, change)
		}
	}
	return changes
}

// valueOf is nil for the zero value and an empty list.
func valueOf(f Fact) any {
	value := reflect.ValueOf(f.Value)
	if !value.IsValid() || value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
		return nil
	}
	return f.Value
}

const (
	// longestText bounds every text of an event, longestChanges all of its changes, in bytes.
	longestText    = 500
	longestChanges = 8000
)

// encode makes JSON of changes, with long texts cut. When there are too many, the fields alone are kept.
func encode(changes []Change) (string, error) {
	if len(changes) == 0 {
		return "", nil
	}
	kept := make([]Change, len(changes))
	for i, change := range changes {
		kept[i] = Change{plain(change.Field), shortened(change.Old), shortened(change.New)}
	}
	encoded, err := json.Marshal(kept)
	if err != nil {
		return "", fmt.Errorf("encode audit changes: %w", err)
	}
	if len(encoded) <= longestChanges {
		return string(encoded), nil
	}
	for i := range kept {
		kept[i].Old, kept[i].New = nil, "(too long to be kept)"
	}
	encoded, err = json.Marshal(kept)
	return string(encoded), err
}

func shortened(value any) any {
	switch value := value.(type) {
	case string:
		return plain(value)
	case []string:
		texts := make([]string, len(value))
		for i, text := range value {
			texts[i] = plain(text)
		}
		return texts
	}
	return value
}

// plain makes text of anything: UTF-8 without NUL, which no database has to refuse, and not endless.
func plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	if len(text) <= longestText {
		return text
	}
	end := longestText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
