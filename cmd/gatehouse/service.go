package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// newService is what the flags of service create say.
type newService struct {
	name, key, homeURL     string
	baseURLs, redirectURIs []string
	flows                  []string
	trusted, public, pkce  bool
	output                 string
}

func serviceCommand() *cobra.Command {
	var n newService
	create := &cobra.Command{
		Use: "create", Short: "Register a service and print its id and secret", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			patch, err := n.patch()
			if err != nil {
				return err
			}
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			return withDirectory(command.Context(), cfg, func(d *directory.Directory) error {
				service, secret, err := d.CreateService(command.Context(), directory.Operator(), patch)
				if err != nil {
					return err
				}
				return printService(command.OutOrStdout(), n.output, service, secret)
			})
		},
	}
	flags := create.Flags()
	flags.StringVar(&n.name, "name", "", "name that people see (required)")
	flags.StringVar(&n.key, "key", "", "short name for scopes; the name when left out")
	flags.StringVar(&n.homeURL, "home-url", "", "home page of the service")
	flags.StringArrayVar(&n.baseURLs, "base-url", nil, "further address of the service; may be repeated")
	flags.StringArrayVar(&n.redirectURIs, "redirect-uri", nil, "where people are sent back to; may be repeated")
	flags.StringSliceVar(&n.flows, "flow", nil, "enabled flows: code, implicit, client-credentials, password; all that fit when left out")
	flags.BoolVar(&n.trusted, "trusted", false, "skip the consent page, and let the service act on its own behalf anywhere")
	flags.BoolVar(&n.public, "public", false, "a service without a secret: an app in a browser, on a desktop or a phone")
	flags.BoolVar(&n.pkce, "pkce-required", false, "refuse authorization requests without PKCE")
	flags.StringVar(&n.output, "output", "text", "text, json or env")
	create.MarkFlagRequired("name")
	addConfigFlags(flags, dataFlagNames...)
	return group("service", "Manage services", create)
}

func (n newService) patch() (directory.ServicePatch, error) {
	if n.output != "text" && n.output != "json" && n.output != "env" {
		return directory.ServicePatch{}, fmt.Errorf("--output %s: text, json and env are accepted", n.output)
	}
	patch := directory.ServicePatch{Name: &n.name, HomeURL: &n.homeURL, BaseURLs: &n.baseURLs, RedirectURIs: &n.redirectURIs,
		Trusted: &n.trusted, Public: &n.public, PKCERequired: &n.pkce}
	if n.key != "" {
		patch.Key = &n.key
	}
	return patch, n.setFlows(&patch)
}

// setFlows enables the named flows alone; without any, the registration chooses.
func (n newService) setFlows(patch *directory.ServicePatch) error {
	if len(n.flows) == 0 {
		return nil
	}
	var code, implicit, clientCredentials, password bool
	flows := map[string]*bool{"code": &code, "implicit": &implicit, "client-credentials": &clientCredentials, "password": &password}
	for _, flow := range n.flows {
		enabled, ok := flows[flow]
		if !ok {
			return fmt.Errorf("--flow %s: code, implicit, client-credentials and password are accepted", flow)
		}
		*enabled = true
	}
	patch.AuthCodeFlowEnabled, patch.ImplicitFlowEnabled = &code, &implicit
	patch.ClientCredentialsFlowEnabled, patch.ResourceOwnerFlowEnabled = &clientCredentials, &password
	return nil
}

// printService prints what the registration answers over REST; env is for a shell's eval or a .env file.
func printService(out io.Writer, format string, service storage.Service, secret string) error {
	switch format {
	case "json":
		entity := map[string]any{"id": service.ID, "name": service.Name}
		if secret != "" {
			entity["secret"] = secret
		}
		return printJSON(out, entity)
	case "env":
		fmt.Fprintf(out, "CLIENT_ID=%s\n", service.ID)
		if secret != "" {
			fmt.Fprintf(out, "CLIENT_SECRET=%s\n", secret)
		}
		return nil
	}
	fmt.Fprintf(out, "id:     %s\n", service.ID)
	if secret != "" {
		fmt.Fprintf(out, "secret: %s   (shown this once)\n", secret)
	}
	return nil
}
