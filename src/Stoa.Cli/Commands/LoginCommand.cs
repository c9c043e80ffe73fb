using System.CommandLine;
using Spectre.Console;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa login</c>: remembers a node and a key for it.</summary>
internal sealed class LoginCommand : StoaCommand
{
    private readonly Option<string?> _handle = new("--handle") { Description = "Handle or email of the account; the password is asked for.", HelpName = "HANDLE" };
    private readonly Option<bool> _forget = new("--forget") { Description = "Forget what was remembered." };

    public LoginCommand(CommandScope scope)
        : base(
            scope,
            "login",
            "Remember a node and a key for it, so that the other commands need neither option. With a password an API key is made; the password is not kept.",
            new("With a password", "stoa login --address https://stoa.example.org --handle ada"),
            new("With a key that there is already", "stoa login --address https://stoa.example.org --key stoa_…"))
    {
        Add(_handle);
        Add(_forget);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var surroundings = invocation.Surroundings;
        var path = ConfigFile.PathIn(surroundings.ConfigDirectory);
        if (invocation.Get(_forget))
        {
            File.Delete(path);
            invocation.Screen.Note($"[grey]{Format.Escaped(path)} is removed. A key that was made for it stays valid until: stoa key revoke ID[/]");
            return ExitCode.Ok;
        }

        var address = invocation.Connection.Address;
        var key = invocation.Get(_handle) is { } login
            ? await CreateKeyAsync(invocation, login, cancellationToken)
            : invocation.Connection.Key
              ?? throw new CommandFailure("Who signs in? Give --handle (the password is asked for), or --key with an API key.");
        using var client = invocation.Open(address, key);
        var user = await client.GetMeAsync(cancellationToken);
        new ConfigFile(address.ToString(), key).Write(surroundings.ConfigDirectory);
        if (invocation.IsJson)
            invocation.Screen.Json(user, json => json.UserResponse);
        else
            invocation.Screen.Markup($"Signed in to {Format.Escaped(address.ToString())} as [bold]{Format.Escaped(user.Handle)}[/]. [grey]Remembered in {Format.Escaped(path)}[/]");
        return ExitCode.Ok;
    }

    private static async Task<string> CreateKeyAsync(Invocation invocation, string login, CancellationToken cancellationToken)
    {
        if (!invocation.Surroundings.IsInputTerminal || !invocation.Surroundings.IsErrorTerminal)
            throw new CommandFailure("A password is asked for on a terminal only.", hint: "In a script sign in with --key or STOA_KEY.");
        var password = await new TextPrompt<string>($"Password of {Format.Escaped(login)}:").Secret(null).ShowAsync(invocation.Screen.Progress, cancellationToken);
        using var anyone = invocation.Open(invocation.Connection.Address, key: null);
        var session = await anyone.LoginAsync(new LoginRequest(login, password), cancellationToken);
        using var signedIn = invocation.Open(invocation.Connection.Address, session.Token);
        var key = await signedIn.CreateApiKeyAsync(new CreateApiKeyRequest($"stoa login on {Environment.MachineName}"), cancellationToken);
        return key.Secret ?? throw new CommandFailure("The node made a key but did not tell it.", ExitCode.Refused);
    }
}
