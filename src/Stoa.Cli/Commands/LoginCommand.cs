using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa login</c>: remembers a node, and a session or a key for it.</summary>
internal sealed class LoginCommand : StoaCommand
{
    private readonly Option<string?> _handle = new("--handle") { Description = "Handle or email of the account; the password is asked for.", HelpName = "HANDLE" };
    private readonly Option<bool> _stdin = SecretInput.Option("the password, on one line");
    private readonly Option<string?> _code = new("--code") { Description = "Six digits of the authenticator, or a recovery code, where the account has a second factor. On a terminal it is asked for.", HelpName = "CODE" };
    private readonly Option<bool> _noBrowser = BrowserSignOn.NoBrowser();
    private readonly GlobalOptions _globals;
    private readonly Option<bool> _forget = new("--forget") { Description = "Forget what was remembered, without telling the node. Better: stoa logout." };

    public LoginCommand(CommandScope scope)
        : base(
            scope,
            "login",
            "Remember a node and who you are there, so that the other commands need neither option. With a password, or by the identity provider of an organisation (--organisation), a session is opened, which the commands keep fresh; the password is not kept.",
            new("With a password", "stoa login --address https://stoa.example.org --handle ada"),
            new("By the identity provider of an organisation, in a browser", "stoa login --address https://stoa.example.org --organisation acme"),
            new("The same where there is no browser", "stoa login --organisation acme --no-browser"),
            new("In a script, with a second factor", "cat password.txt | stoa login --handle ada --code 287082 --password-stdin"),
            new("With a key that there is already", "stoa login --address https://stoa.example.org --key stoa_…"))
    {
        _globals = scope.Globals;
        Add(_handle);
        Add(_stdin);
        Add(_code);
        Add(_noBrowser);
        Add(_forget);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var surroundings = invocation.Surroundings;
        var path = ConfigFile.PathIn(surroundings.ConfigDirectory);
        if (invocation.Get(_forget))
        {
            File.Delete(path);
            invocation.Screen.Note($"[grey]{Format.Escaped(path)} is removed. A key that was remembered stays valid until: stoa key revoke ID; a session until it is over.[/]");
            return ExitCode.Ok;
        }

        var address = invocation.Connection.Address;
        UserResponse user;
        ConfigFile config;
        if (invocation.Get(_handle) is { } login)
        {
            var session = await SignInAsync(invocation, login, cancellationToken);
            user = session.User;
            config = new ConfigFile(address.ToString(), Session: new RememberedSession(session.SessionId, session.Token, session.ExpiresAt, session.RefreshToken));
        }
        else if (invocation.Get(_globals.Organisation) is { } organisation && invocation.Get(_globals.Key) is null)
        {
            var session = await SignInByProviderAsync(invocation, organisation, cancellationToken);
            user = session.User;
            config = new ConfigFile(address.ToString(), Session: new RememberedSession(session.SessionId, session.Token, session.ExpiresAt, session.RefreshToken));
            invocation.Screen.Note($"[grey]To act for the organisation: --organisation {Format.Escaped(organisation)}, or from now on: stoa organisation use {Format.Escaped(organisation)}[/]");
        }
        else
        {
            if (invocation.Connection is not { Key: { } key, Session: null })
                throw new CommandFailure("Who signs in? Give --handle (the password is asked for), --organisation for its identity provider, or --key with an API key.");
            using var client = invocation.Open(address, key);
            user = await client.GetMeAsync(cancellationToken);
            config = new ConfigFile(address.ToString(), key);
        }

        await using (await ConfigFile.HoldAsync(surroundings, cancellationToken))
            config.Write(surroundings.ConfigDirectory);
        if (invocation.IsJson)
            invocation.Screen.Json(user, json => json.UserResponse);
        else
            invocation.Screen.Markup($"Signed in to {Format.Escaped(address.ToString())} as [bold]{Format.Escaped(user.Handle)}[/]. [grey]Remembered in {Format.Escaped(path)}[/]");
        return ExitCode.Ok;
    }

    private async Task<SessionResponse> SignInAsync(Invocation invocation, string login, CancellationToken cancellationToken)
    {
        var secrets = new SecretInput(invocation, invocation.Get(_stdin));
        var password = await secrets.AskAsync($"Password of {login}:", cancellationToken);
        using var anyone = invocation.Open(invocation.Connection.Address, key: null);
        var request = new LoginRequest(login, password, invocation.Get(_code));
        try
        {
            return await anyone.LoginAsync(request, cancellationToken);
        }
        catch (StoaException refused) when (refused.Code == "secondFactorNeeded" && secrets.CanAsk)
        {
            var code = await secrets.AskCodeAsync("Code of the authenticator, or a recovery code:", cancellationToken);
            return await anyone.LoginAsync(request with { Code = code }, cancellationToken);
        }
        catch (StoaException refused) when (refused.Code == "secondFactorNeeded")
        {
            throw new CommandFailure("The account has a second factor.", ExitCode.NotAuthorized, "Give the code of the authenticator, or a recovery code, with --code.");
        }
    }

    private async Task<SessionResponse> SignInByProviderAsync(Invocation invocation, string organisation, CancellationToken cancellationToken)
    {
        using var anyone = invocation.Open(invocation.Connection.Address, key: null);
        var (code, verifier) = await BrowserSignOn.RunAsync(invocation, anyone, organisation, invocation.Get(_noBrowser), cancellationToken);
        var request = new SingleSignOnRequest(code, verifier, invocation.Get(_code));
        var secrets = new SecretInput(invocation, isFromStdin: false);
        try
        {
            return await anyone.LoginBySingleSignOnAsync(request, cancellationToken);
        }
        catch (StoaException refused) when (refused.Code == "secondFactorNeeded" && secrets.CanAsk)
        {
            var second = await secrets.AskCodeAsync("Code of the authenticator, or a recovery code:", cancellationToken);
            return await anyone.LoginBySingleSignOnAsync(request with { SecondFactor = second }, cancellationToken);
        }
    }
}
