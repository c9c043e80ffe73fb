using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa key create</c>.</summary>
internal sealed class KeyCreateCommand : StoaCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "What it is for." };
    private readonly Option<int?> _days = new("--expires-days") { Description = "Worth nothing after so many days. Default: never.", HelpName = "N" };
    private readonly Option<DateTimeOffset?> _expires = new("--expires") { Description = "Worth nothing from this time on, such as 2030-01-31.", HelpName = "TIME", CustomParser = Quantity.Instant };
    private readonly Option<string[]?> _scopes = new("--scope") { Description = "What it may, such as tasks:submit; may be given several times. Default: all that you may.", HelpName = "SCOPE" };
    private readonly Option<int?> _calls = new("--calls-per-minute") { Description = "Refuse calls with it above so many a minute.", HelpName = "N" };
    private readonly Option<int?> _tokens = new("--tokens-per-minute") { Description = "Refuse requests to models with it above so many tokens a minute.", HelpName = "N" };
    private readonly Option<string?> _spend = new("--spend-per-day") { Description = "Refuse tasks with it above so many US dollars a day, in UTC. It cannot make schedules, channels or keys then.", HelpName = "USD", CustomParser = Quantity.Dollars };

    public KeyCreateCommand(CommandScope scope)
        : base(
            scope,
            "create",
            "Make an API key. It is shown this once: the node keeps only a hash of it.",
            new("A key for a build server, for a quarter", "stoa key create build-server --expires-days 90"),
            new("One that submits tasks and no more, for 5 USD a day", "stoa key create nightly --scope tasks:read --scope tasks:submit --spend-per-day 5 --calls-per-minute 600"),
            new("One that asks models", "stoa key create chat --scope models:use --scope tasks:submit --tokens-per-minute 100000"),
            new("One of an organisation", "stoa key create deploy --organisation acme --scope agents:publish"),
            new("Into a variable", "export STOA_KEY=$(stoa key create laptop)"))
    {
        Add(_name);
        Add(_days);
        Add(_expires);
        Add(_scopes);
        Add(_calls);
        Add(_tokens);
        Add(_spend);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var now = invocation.Surroundings.TimeProvider.GetUtcNow();
        var key = await invocation.Client.CreateApiKeyAsync(
            new CreateApiKeyRequest(
                invocation.Get(_name),
                invocation.Get(_expires) ?? (invocation.Get(_days) is { } number ? now.AddDays(number) : null),
                invocation.Get(_scopes) is { Length: > 0 } scopes ? scopes : null,
                invocation.Get(_calls),
                invocation.Get(_spend),
                invocation.Get(_tokens)),
            cancellationToken);
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
