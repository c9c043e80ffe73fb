using System.Text;
using System.Threading.Channels;
using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Replication;

/// <summary>A node's statements in memory. A statement here is <c>key/number</c>: of one key the greatest number stands, as with the newest of what signers say.</summary>
internal sealed class MemoryReplica(int seed) : IReplica
{
    private readonly Dictionary<string, (int Number, SignedStatement Statement)> _standing = [];
    private readonly Dictionary<ContentHash, SignedStatement> _byId = [];

    public ReplicaIndex Index { get; } = new(new SipKey((ulong)seed, 77));

    public UnwantedStatements Unwanted { get; } = new(TimeProvider.System);

    /// <summary>What this node refuses.</summary>
    public Func<string, bool> Refuses { get; init; } = _ => false;

    public List<int> Batches { get; } = [];

    public IEnumerable<string> All => _standing.Select(pair => $"{pair.Key}/{pair.Value.Number}").Order(StringComparer.Ordinal);

    public static SignedStatement Make(string key, int number) => new(Encoding.UTF8.GetBytes($"{key}/{number}"), [1]);

    public void Add(string key, int number) => Take(Make(key, number));

    public Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken)
    {
        // Not all at once, as with large ones.
        var handled = Math.Min(ids.Count, 100);
        return Task.FromResult(new ReadStatements(handled, [.. ids.Take(handled).Where(_byId.ContainsKey).Select(id => _byId[id])]));
    }

    public Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken)
    {
        Batches.Add(statements.Count);
        return Task.FromResult(statements.Select(Take).Aggregate(default(IntakeReport), (sum, one) => sum.Plus(one)));
    }

    private IntakeReport Take(SignedStatement statement)
    {
        var text = Encoding.UTF8.GetString(statement.Payload);
        if (text.StartsWith("forged", StringComparison.Ordinal))
            return new IntakeReport(0, 0, 0, 1);
        if (Refuses(text))
        {
            Unwanted.Add(statement.Item, TimeSpan.FromHours(1));
            return new IntakeReport(0, 0, 1, 0);
        }

        var (key, number) = (text[..text.LastIndexOf('/')], int.Parse(text[(text.LastIndexOf('/') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        if (_standing.TryGetValue(key, out var before) && before.Number >= number)
        {
            if (before.Number > number)
                Unwanted.Add(statement.Item, TimeSpan.FromHours(1));
            return new IntakeReport(0, 1, 0, 0);
        }

        _standing[key] = (number, statement);
        _byId[statement.Id] = statement;
        if (before.Statement is { } old)
            _byId.Remove(old.Id);
        Index.Apply([statement.Id], before.Statement is { } gone ? [gone.Id] : []);
        return new IntakeReport(1, 0, 0, 0);
    }
}

/// <summary>Two ends of a session's messages in memory.</summary>
internal sealed class MemoryChannel : IMessageChannel
{
    private readonly Channel<byte[]> _in;
    private readonly Channel<byte[]> _out;
    private readonly Func<ReplicationMessage, ReplicationMessage> _spoil;

    private MemoryChannel(Channel<byte[]> input, Channel<byte[]> output, Func<ReplicationMessage, ReplicationMessage>? spoil) => (_in, _out, _spoil) = (input, output, spoil ?? (message => message));

    public int Messages { get; private set; }

    public long Bytes { get; private set; }

    /// <param name="spoil">What becomes of the answering side's messages on their way.</param>
    /// <param name="asked">What becomes of those of the asking side.</param>
    public static (MemoryChannel Asking, MemoryChannel Answering) Pair(Func<ReplicationMessage, ReplicationMessage>? spoil = null, Func<ReplicationMessage, ReplicationMessage>? asked = null)
    {
        var (there, back) = (Channel.CreateUnbounded<byte[]>(), Channel.CreateUnbounded<byte[]>());
        return (new(back, there, asked), new(there, back, spoil));
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var sent = _spoil(ReplicationMessage.Read(message.Span)).Write().ToArray();
        Messages++;
        Bytes += sent.Length;
        return _out.Writer.WriteAsync(sent, cancellationToken);
    }

    public async ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(int maxLength, CancellationToken cancellationToken)
    {
        if (!await _in.Reader.WaitToReadAsync(cancellationToken))
            return null;
        var message = await _in.Reader.ReadAsync(cancellationToken);
        return message.Length > maxLength ? throw new InvalidDataException("too long") : message;
    }

    /// <summary>Sends what may be no message.</summary>
    public void SendRaw(byte[] bytes) => _out.Writer.TryWrite(bytes);

    public void End() => _out.Writer.TryComplete();

    /// <summary>Waits for both sides of a session. Whichever fails ends it for the other.</summary>
    public static async Task<(ReconciliationReport Asking, ReconciliationReport Answering)> RunAsync(
        MemoryChannel asking, Task<ReconciliationReport> asks, MemoryChannel answering, Task<ReconciliationReport> answers)
    {
        await Task.WhenAll(EndAsync(asking, asks), EndAsync(answering, answers)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // What the answering side has failed of is the cause where both have.
        var answer = await answers;
        return (await asks, answer);

        static async Task EndAsync(MemoryChannel channel, Task side)
        {
            await side.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            channel.End();
        }
    }
}
