using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;

namespace Stoa.Cli.Commands;

/// <summary>One call of a command: its values, its screen, its client.</summary>
internal sealed class Invocation(ParseResult parsed, CommandScope scope) : IDisposable
{
    private StoaClient? _client;
    private StoaClient? _ownClient;
    private KeptSession? _session;

    public Surroundings Surroundings => scope.Surroundings;

    public Screen Screen { get; } = new(scope.Surroundings, parsed.GetValue(scope.Globals.Json));

    public bool IsJson => Screen.IsJson;

    /// <summary>Where the client connects to.</summary>
    public NodeConnection Connection =>
        field ??= NodeConnection.Find(Surroundings, parsed.GetValue(scope.Globals.Address), parsed.GetValue(scope.Globals.Key), parsed.GetValue(scope.Globals.Organisation));

    /// <summary>The one way to the node.</summary>
    public StoaClient Client => _client ??= FindSigningKey() is { } signing
        ? Open(Connection.Address, key: null, signing: signing, organisation: Connection.Organisation)
        : OpenConnection(Connection.Organisation);

    /// <summary>The same as oneself: for what is about the person, or about an organisation that the command names.</summary>
    public StoaClient OwnClient => _ownClient ??= FindSigningKey() is { } signing
        ? Open(Connection.Address, key: null, signing: signing)
        : OpenConnection(organisation: null);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>A client for another address, key or organisation than the connection's.</summary>
    public StoaClient Open(
        Uri address, string? key, Func<CancellationToken, ValueTask<string>>? tokens = null, RequestSigningKey? signing = null, string? organisation = null) =>
        new(new StoaClientOptions
        {
            Address = address,
            ApiKey = key,
            TokenSource = tokens,
            SigningKey = signing,
            Organisation = organisation,
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

    public void Dispose()
    {
        _client?.Dispose();
        _ownClient?.Dispose();
        _session?.Dispose();
    }

    private StoaClient OpenConnection(string? organisation) => Connection.Session is { } session
        ? Open(Connection.Address, key: null, (_session ??= new KeptSession(Surroundings, Connection.Address, session)).GetTokenAsync, organisation: organisation)
        : Open(Connection.Address, Connection.Key, organisation: organisation);
}
