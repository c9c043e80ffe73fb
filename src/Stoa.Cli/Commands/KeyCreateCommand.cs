using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa key create</c>.</summary>
internal sealed class KeyCreateCommand : StoaCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "What it is for." };
    private readonly Option<int?> _days = new("--expires-days") { Description = "Worth nothing after so many days. Default: never.", HelpName = "N" };

    public KeyCreateCommand(CommandScope scope)
        : base(
            scope,
            "create",
            "Make an API key. It is shown this once: the node keeps only a hash of it.",
            new("A key for a build server, for a quarter", "stoa key create build-server --expires-days 90"),
            new("Into a variable", "export STOA_KEY=$(stoa key create laptop)"))
    {
        Add(_name);
        Add(_days);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var now = invocation.Surroundings.TimeProvider.GetUtcNow();
        var key = await invocation.Client.CreateApiKeyAsync(
            new CreateApiKeyRequest(invocation.Get(_name), invocation.Get(_days) is { } number ? now.AddDays(number) : null), cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(key, json => json.ApiKeyResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Line(key.Secret ?? "");
        invocation.Screen.Note($"[grey]{Format.Escaped(key.Id)}, {(key.ExpiresAt is { } end ? "until " + Format.Time(end) : "without end")}. Keep it now: it is not shown again.[/]");
        return ExitCode.Ok;
    }
}
