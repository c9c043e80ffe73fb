using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>One call of a command: its values, its screen, its client.</summary>
internal sealed class Invocation(ParseResult parsed, CommandScope scope) : IDisposable
{
    private StoaClient? _client;

    public Surroundings Surroundings => scope.Surroundings;

    public Screen Screen { get; } = new(scope.Surroundings, parsed.GetValue(scope.Globals.Json));

    public bool IsJson => Screen.IsJson;

    /// <summary>Where the client connects to.</summary>
    public NodeConnection Connection =>
        field ??= NodeConnection.Find(Surroundings, parsed.GetValue(scope.Globals.Address), parsed.GetValue(scope.Globals.Key));

    /// <summary>The one way to the node.</summary>
    public StoaClient Client => _client ??= FindSigningKey() is { } signing
        ? Open(Connection.Address, key: null, signing)
        : Open(Connection.Address, Connection.Key);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>A client for another address or key than the connection's.</summary>
    public StoaClient Open(Uri address, string? key, RequestSigningKey? signing = null) => new(new StoaClientOptions
    {
        Address = address,
        ApiKey = key,
        SigningKey = signing,
        Handler = Surroundings.Handler,
        TimeProvider = Surroundings.TimeProvider,
        UserAgent = "stoa-cli",
        // Somebody waits in front of the terminal: a node that is not there should be told of soon.
        MaxAttempts = 3,
    });

    /// <summary>The key that signs requests: of the option, else of STOA_SIGNING_KEY unless another credential is named on the command line.</summary>
    private RequestSigningKey? FindSigningKey()
    {
        var path = parsed.GetValue(scope.Globals.SigningKey)
            ?? (parsed.GetValue(scope.Globals.Key) is null && Surroundings.Variable("STOA_SIGNING_KEY") is { Length: > 0 } variable ? variable : null);
        if (path is null)
            return null;
        try
        {
            return RequestSigningKey.Parse(File.ReadAllText(Surroundings.FullPath(path)));
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CommandFailure($"{path} cannot be used to sign: {unusable.Message}", hint: "Make a key with: stoa key generate NAME -o FILE");
        }
    }

    public void Dispose() => _client?.Dispose();
}
