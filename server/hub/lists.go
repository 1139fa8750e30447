package hub

import (
	"net/http"

	"gatehouse/server/web"
	"gatehouse/storage"
)

// readList reads what part of a list is asked for, and which fields of the entities.
func readList(r *http.Request) (web.Fields, storage.List, error) {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return nil, storage.List{}, err
	}
	list, err := web.ParseList(r.URL.Query())
	return fields, list, err
}

// answerList answers the page of what find finds for the request's list, as show shows it.
func answerList[T any](w http.ResponseWriter, r *http.Request, kind, key string, find func(storage.List) ([]T, int64, error),
	show func([]T, web.Fields) ([]map[string]any, error)) error {
	fields, list, err := readList(r)
	if err != nil {
		return err
	}
	found, total, err := find(list)
	if err != nil {
		return err
	}
	entities, err := show(found, fields)
	if err != nil {
		return err
	}
	answerPage(w, kind, key, list, total, entities, fields)
	return nil
}

// each shows all that was found one by one, whatever fields are asked for.
func each[T any](show func(T) (map[string]any, error)) func([]T, web.Fields) ([]map[string]any, error) {
	return func(found []T, _ web.Fields) ([]map[string]any, error) {
		entities := make([]map[string]any, len(found))
		for i, one := range found {
			var err error
			if entities[i], err = show(one); err != nil {
				return nil, err
			}
		}
		return entities, nil
	}
}

// answerPage answers a page of entities, cut down to the asked fields.
func answerPage(w http.ResponseWriter, kind, key string, list storage.List, total int64, entities []map[string]any, fields web.Fields) {
	for i, entity := range entities {
		entities[i] = fields.Project(entity)
	}
	web.JSON(w, http.StatusOK, envelope(kind, key, list, total, entities))
}

// envelope is a page; it says so when the total is not all that there are.
func envelope(kind, key string, list storage.List, total int64, entities []map[string]any) map[string]any {
	page := web.Envelope(kind, key, web.Page{Skip: list.Skip, Top: list.Top}, int(total), entities)
	if list.Filter != nil && total > storage.CountedUpTo {
		page["totalIsLowerBound"] = true
	}
	return page
}
