using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa organisation provider</c>: the OpenID Connect provider by which its people sign in.</summary>
internal static class ProviderCommands
{
    private static readonly string[] s_scopes = ["openid", "email", "profile"];

    public static CommandGroup Create(CommandScope scope) => new(
        "provider",
        "The OpenID Connect provider by which the people of an organisation sign in. Administrators only.",
        [new("Does it work?", "stoa organisation provider test acme")],
        new SetCommand(scope),
        new ShowCommand(scope),
        new TestCommand(scope),
        new RemoveCommand(scope));

    private static int Tell(Invocation invocation, IdentityProviderResponse provider)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(provider, json => json.IdentityProviderResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Issuer", Format.Escaped(provider.Issuer)),
            ("Client id", Format.Escaped(provider.ClientId)),
            ("Redirect URI", Format.Escaped(provider.RedirectUri)),
            ("Domains", Format.Escaped(string.Join(", ", provider.Domains)) + (provider.TrustsEmail ? ", addresses trusted" : "")),
            ("Roles", Format.Escaped(provider.RoleClaim is null
                ? "given here; who is new is a viewer"
                : $"by {provider.RoleClaim}: {string.Join(", ", provider.Roles.Select(pair => $"{pair.Key}={pair.Value}"))}; else viewer")),
            ("Scopes", Format.Escaped(string.Join(' ', s_scopes.Union(provider.Scopes)))),
            ("Set", Format.Time(provider.ChangedAt)));
        return ExitCode.Ok;
    }

    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();
        private readonly Option<string> _issuer = new("--issuer") { Description = "Exactly as the provider writes it, also with a slash at its end.", HelpName = "URL", Required = true };
        private readonly Option<string> _clientId = new("--client-id") { Description = "Under which this node is registered at the provider.", HelpName = "ID", Required = true };
        private readonly Option<string[]> _domains = new("--domain") { Description = "Addresses of this domain are let in; may be given several times.", HelpName = "DOMAIN", Required = true };
        private readonly Option<bool> _stdin = SecretInput.Option("the client secret, on one line");
        private readonly Option<bool> _keep = new("--keep-secret") { Description = "Keep the client secret that there is: for the same issuer and client id." };
        private readonly Option<string?> _claim = new("--role-claim") { Description = "The claim whose values give roles, such as groups. Left out: roles are given with stoa organisation role.", HelpName = "CLAIM" };
        private readonly Option<Dictionary<string, string>?> _roles = ParameterOption.Create(
            "--role", "Makes who has this value of the claim viewer, developer or admin; may be given several times.", "VALUE=ROLE");
        private readonly Option<string[]> _scopes = new("--scope") { Description = "Asked for beside openid, email and profile; may be given several times.", HelpName = "SCOPE" };
        private readonly Option<bool> _trust = new("--trust-email") { Description = "Count addresses as verified of which the provider does not say so. Only where people cannot write them in themselves." };

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Set the provider, in place of the one before. The client secret is asked for.",
                new("Everybody is a viewer at first", "stoa organisation provider set acme --issuer https://login.example.org --client-id stoa --domain example.org"),
                new(
                    "Roles by groups, in a script",
                    "cat secret.txt | stoa organisation provider set acme --issuer https://login.example.org --client-id stoa --domain example.org --scope groups --role-claim groups --role stoa-admins=admin --password-stdin"))
        {
            Add(_organisation);
            foreach (var option in new Option[] { _issuer, _clientId, _domains, _stdin, _keep, _claim, _roles, _scopes, _trust })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var secret = invocation.Get(_keep) ? null : await new SecretInput(invocation, invocation.Get(_stdin)).AskAsync("Client secret:", cancellationToken);
            var provider = await invocation.OwnClient.SetIdentityProviderAsync(
                invocation.Get(_organisation),
                new SetIdentityProviderRequest(
                    invocation.Get(_issuer)!, invocation.Get(_clientId)!, invocation.Get(_domains) ?? [], secret, invocation.Get(_trust), invocation.Get(_claim),
                    invocation.Get(_roles), invocation.Get(_scopes)),
                cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Note($"[grey]The provider has to know the redirect URI. Then test it with: stoa organisation provider test {Format.Escaped(invocation.Get(_organisation))}[/]");
            return Tell(invocation, provider);
        }
    }

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show the provider, without its secret.", new CommandExample("What is the redirect URI?", "stoa organisation provider show acme")) =>
            Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.OwnClient.GetIdentityProviderAsync(invocation.Get(_organisation), cancellationToken));
    }

    private sealed class TestCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();

        public TestCommand(CommandScope scope)
            : base(
                scope,
                "test",
                "Have the node fetch the provider's documents and show it the client secret. Fails when something is not as it must be.",
                new CommandExample("After setting it up", "stoa organisation provider test acme")) =>
            Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var test = await invocation.OwnClient.TestIdentityProviderAsync(invocation.Get(_organisation), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(test, json => json.IdentityProviderTestResponse);
            else
                invocation.Screen.Table(["Check", "Passed", "What"], [.. test.Checks.Select(check => (IReadOnlyList<string>)[check.Name, check.Passed ? "yes" : "no", check.Detail])]);
            return test.Passed ? ExitCode.Ok : ExitCode.Refused;
        }
    }

    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _organisation = OrganisationCommands.Organisation();

        public RemoveCommand(CommandScope scope)
            : base(
                scope,
                "remove",
                "Do without a provider. Nobody signs in by it any more; members stay members.",
                new CommandExample("Before it is switched off", "stoa organisation provider remove acme")) =>
            Add(_organisation);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.OwnClient.DeleteIdentityProviderAsync(invocation.Get(_organisation), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"Nobody signs in by a provider of {invocation.Get(_organisation)} any more.");
            return ExitCode.Ok;
        }
    }
}
