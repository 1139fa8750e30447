package audit

import (
	"context"
	"fmt"
	"reflect"

	"gatehouse/storage"
)

// RecordSettings records which of the operator's settings are others than at the last start; on the first one all that
// are set.
func (l *Log) RecordSettings(ctx context.Context, settings []Fact) error {
	return l.store.Tx(ctx, func(tx *storage.Tx) error {
		seen, err := tx.AuditedSettings(ctx)
		if err != nil {
			return err
		}
		var changes []Change
		for _, setting := range settings {
			old, value := seen[setting.Field], textOf(setting.Value)
			if old == value {
				continue
			}
			changes = append(changes, Change{setting.Field, textOrNil(old), textOrNil(value)})
			if err := tx.SetAuditedSetting(storage.AuditedSetting{Name: setting.Field, Value: value}); err != nil {
				return err
			}
		}
		if len(changes) == 0 {
			return nil
		}
		return l.Record(ctx, tx, Event{Name: SettingChanged, Target: Subject{Type: "settings"}, Changes: changes})
	})
}

// textOf is a setting as text; "" for one that is not set.
func textOf(value any) string {
	if reflected := reflect.ValueOf(value); !reflected.IsValid() || reflected.IsZero() {
		return ""
	}
	return plain(fmt.Sprint(value))
}

func textOrNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
