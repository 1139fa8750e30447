package storage

import "context"

// serviceUserGroup lets the members of a group use a service.
type serviceUserGroup struct {
	ServiceID string `gorm:"primaryKey"`
	GroupID   string `gorm:"primaryKey"`
}

// fillUserGroups reads the ids of the groups whose members may use the services, in their order.
func (r reader) fillUserGroups(ctx context.Context, services map[string]*Service, ids []string) error {
	var rows []serviceUserGroup
	err := r.db.WithContext(ctx).Where("service_id IN ?", ids).Order("service_id, group_id").Find(&rows).Error
	for _, row := range rows {
		service := services[row.ServiceID]
		service.UserGroups = append(service.UserGroups, row.GroupID)
	}
	return translate("find groups of services", err)
}

// ServicesForGroup lists the ids of the services that are for the members of a group, in their order.
func (r reader) ServicesForGroup(ctx context.Context, groupID string) ([]string, error) {
	var ids []string
	err := r.db.WithContext(ctx).Model(&serviceUserGroup{}).Where("group_id = ?", groupID).Order("service_id").Pluck("service_id", &ids).Error
	return ids, translate("find services of a group", err)
}

// InGroupOf says whether a user is in a group whose members may use a service.
func (r reader) InGroupOf(ctx context.Context, userID, serviceID string) (bool, error) {
	var count int64
	err := r.db.WithContext(ctx).Model(&groupMember{}).
		Where("user_id = ? AND group_id IN (SELECT group_id FROM service_user_groups WHERE service_id = ?)", userID, serviceID).Count(&count).Error
	return count > 0, translate("find groups of a user", err)
}

func (tx *Tx) replaceUserGroups(service Service) error {
	if err := tx.db.Where("service_id = ?", service.ID).Delete(&serviceUserGroup{}).Error; err != nil {
		return translate("delete groups of a service", err)
	}
	for _, id := range service.UserGroups {
		if err := tx.db.Create(&serviceUserGroup{service.ID, id}).Error; err != nil {
			return translate("insert group of a service", err)
		}
	}
	return nil
}
