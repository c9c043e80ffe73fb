using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>One call of a command: its values, its screen, its client.</summary>
internal sealed class Invocation(ParseResult parsed, CommandScope scope) : IDisposable
{
    private StoaClient? _client;
    private KeptSession? _session;

    public Surroundings Surroundings => scope.Surroundings;

    public Screen Screen { get; } = new(scope.Surroundings, parsed.GetValue(scope.Globals.Json));

    public bool IsJson => Screen.IsJson;

    /// <summary>Where the client connects to.</summary>
    public NodeConnection Connection =>
        field ??= NodeConnection.Find(Surroundings, parsed.GetValue(scope.Globals.Address), parsed.GetValue(scope.Globals.Key));

    /// <summary>The one way to the node.</summary>
    public StoaClient Client => _client ??= Connection.Session is { } session
        ? Open(Connection.Address, key: null, (_session = new KeptSession(Surroundings, Connection.Address, session)).GetTokenAsync)
        : Open(Connection.Address, Connection.Key);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>A client for another address or key than the connection's.</summary>
    public StoaClient Open(Uri address, string? key, Func<CancellationToken, ValueTask<string>>? tokens = null) => new(new StoaClientOptions
    {
        Address = address,
        ApiKey = key,
        TokenSource = tokens,
        Handler = Surroundings.Handler,
        TimeProvider = Surroundings.TimeProvider,
        UserAgent = "stoa-cli",
        // Somebody waits in front of the terminal: a node that is not there should be told of soon.
        MaxAttempts = 3,
    });

    public void Dispose()
    {
        _client?.Dispose();
        _session?.Dispose();
    }
}
