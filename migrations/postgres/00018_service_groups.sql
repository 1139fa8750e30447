-- +goose Up
-- Who may use a service: the members of any of its groups, or everybody if it has none. A row outlives its group, since
-- without it the service would be open to everybody.
CREATE TABLE service_user_groups (
    service_id text NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    group_id   text NOT NULL,
    PRIMARY KEY (service_id, group_id)
);
CREATE INDEX service_user_groups_by_group ON service_user_groups (group_id);

-- +goose Down
DROP TABLE service_user_groups;
