using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa register</c>: opens an account.</summary>
internal sealed class RegisterCommand : StoaCommand
{
    private readonly Argument<string> _handle = new("HANDLE") { Description = "What you are called here: 2 to 39 characters of a-z, 0-9 and hyphen. Your agents are HANDLE/NAME." };
    private readonly Argument<string> _email = new("EMAIL") { Description = "Your address." };
    private readonly Option<bool> _stdin = SecretInput.Option("the password, on one line");

    public RegisterCommand(CommandScope scope)
        : base(
            scope,
            "register",
            "Open an account. The password is asked for: 12 to 128 characters.",
            new("At a node", "stoa register ada ada@example.org --address https://stoa.example.org"),
            new("In a script", "cat password.txt | stoa register ada ada@example.org --password-stdin"))
    {
        Add(_handle);
        Add(_email);
        Add(_stdin);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var secrets = new SecretInput(invocation, invocation.Get(_stdin));
        var password = await secrets.AskNewAsync("Password:", cancellationToken);
        var (handle, email) = (invocation.Get(_handle), invocation.Get(_email));
        // With the key, where there is one: on a node whose registration is closed, an administrator opens accounts.
        var user = await invocation.Client.RegisterAsync(new RegisterRequest(handle, email, password), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(user, json => json.UserResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(user.Handle)}[/] is registered as {Format.Escaped(user.Id)}.");
        invocation.Screen.Note($"[grey]Where the node sends e-mail, a code is on its way to {Format.Escaped(user.Email)}: stoa account verify {Format.Escaped(user.Email)} --code CODE. Then: stoa login --handle {Format.Escaped(user.Handle)}[/]");
        return ExitCode.Ok;
    }
}
