using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Replication;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Two nodes with a million statements each that differ in a thousand; what a peer sends, checked and stored; and the searches of <see cref="SearchBench"/>.</summary>
internal static class RegistryBench
{
    private const int Common = 999_500;
    private const int Apart = 500;
    private const int Merged = 10_240;
    private const int MergedItems = 4_000_000;
    private const int MergedKeys = 1_000_000;
    private const int BatchSize = 256;

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        tell($"{Common + Apart:N0} statements at each of two nodes, {2 * Apart:N0} of which only one has");
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        var (asking, answering) = (new NumberedReplica(1), new NumberedReplica(2));
        var cpu = Environment.CpuUsage.TotalTime;
        asking.Fill(Common, Apart, first: 1_000_000_000);
        figures.Add("index_build_cpu_s_1m", (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        figures.Add("index_mb_1m", (GC.GetTotalMemory(forceFullCollection: true) - memory) / 1e6);
        answering.Fill(Common, Apart, first: 2_000_000_000);
        var session = await CompareAsync(asking, answering, spoil: false, cancellationToken);
        figures.Add("reconcile_bytes_1m_1k", session.Bytes);
        figures.Add("reconcile_symbols_1m_1k", session.Report.Symbols);
        figures.Add("reconcile_round_trips_before_data_1m_1k", session.BeforeData);
        figures.Add("reconcile_round_trips_1m_1k", session.RoundTrips);
        figures.Add("reconcile_cpu_s_1m_1k", session.CpuSeconds);
        tell("once more, with the sketch under the other's key at hand");
        var again = await CompareAsync(asking, answering, spoil: false, cancellationToken);
        figures.Add("reconcile_again_cpu_s_1m_1k", again.CpuSeconds);
        tell("by ranges, as when somebody has made statements against the sketch");
        var ranges = await CompareAsync(asking, answering, spoil: true, cancellationToken);
        figures.Add("ranges_bytes_1m_1k", ranges.Bytes);
        figures.Add("ranges_round_trips_1m_1k", ranges.RoundTrips);
        figures.Add("ranges_cpu_s_1m_1k", ranges.CpuSeconds);

        const int changes = 100_000;
        var ids = Enumerable.Range(0, changes).Select(number => NumberedReplica.IdOf(3_000_000_000 + number)).ToList();
        var begin = Stopwatch.GetTimestamp();
        foreach (var id in ids)
            asking.Index.Apply([id], []);
        figures.Add("index_update_us", Clock.Since(begin) * 1e3 / changes);

        tell($"{Merged:N0} statements, checked and stored in batches of {BatchSize}");
        figures.Add("statements_taken_per_s", await TakeAsync(cancellationToken));
        tell($"{MergedItems:N0} statements of {MergedKeys:N0} keys, merged in memory on one processor");
        figures.Add("merges_per_s", Merge());
        var search = await SearchBench.RunAsync(tell, cancellationToken);
        foreach (var (name, value) in search.Values)
            figures.Add(name, value);
        figures.Notes.AddRange(search.Notes);
        figures.Notes.Add("bytes are those of all messages but the statements themselves, both ways; cpu is that of both sides together");
        return figures;
    }

    private static async Task<Session> CompareAsync(NumberedReplica asking, NumberedReplica answering, bool spoil, CancellationToken cancellationToken)
    {
        var (there, back) = (Channel.CreateUnbounded<byte[]>(), Channel.CreateUnbounded<byte[]>());
        var (left, right) = (new CountedChannel(back, there, spoils: false), new CountedChannel(there, back, spoil));
        var cpu = Environment.CpuUsage.TotalTime;
        var answers = new AnsweringSide(answering, right, new SipKey(5, 6)).RunAsync(cancellationToken);
        var report = await new AskingSide(asking, left, new SipKey(7, 8), pageFrom: null).RunAsync(cancellationToken);
        there.Writer.Complete();
        await answers;
        if (report.Theirs != Apart || report.Ours != Apart || report.Given != Apart)
            throw new BenchmarkException($"{report.Theirs} and {report.Ours} statements were found that only one side has, {report.Given} were given; there are {Apart} of each.");
        return new Session(report, left.Bytes + right.Bytes, left.BeforeData, left.Messages, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
    }

    private static async Task<double> TakeAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
            var policy = AdmissionPolicy.Default with { StrangerWorkBits = 0, StrangersBytes = long.MaxValue, Stranger = AdmissionPolicy.Default.Own };
            using var telemetry = new ReplicationTelemetry(services.GetRequiredService<IMeterFactory>());
            var intake = new StatementIntake(
                new SqlStatementStore(database, policy), new ReplicaIndex(new SipKey(1, 1)), new UnwantedStatements(TimeProvider.System), telemetry, TimeProvider.System);
            var keys = Enumerable.Range(0, 64).Select(_ => PrivateKey.Generate()).ToList();
            var now = new Hlc(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), 0);
            var statements = Enumerable.Range(0, Merged).Select(number => SignedStatement.Of(Statement.Sign(keys[number % keys.Count], now, Listing(number)).Value)).ToList();
            var begin = Stopwatch.GetTimestamp();
            var taken = 0;
            foreach (var batch in statements.Chunk(BatchSize))
                taken += (await intake.TakeAsync("sync", batch, cancellationToken)).Taken;
            if (taken != Merged)
                throw new BenchmarkException($"{taken} of {Merged} statements were taken.");
            var perSecond = Merged / (Clock.Since(begin) / 1e3);
            foreach (var key in keys)
                key.Dispose();
            return perSecond;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What merging alone costs: two nodes' statements, under each key some that take each other's place, come twice, or contradict each other.</summary>
    private static double Merge()
    {
        var random = new Random(1);
        var items = new (int Key, MergeRule Rule, MergeItem Item)[MergedItems];
        for (var number = 0; number < items.Length; number++)
        {
            var key = random.Next(MergedKeys);
            items[number] = (key, key % 4 == 0 ? MergeRule.Newest : MergeRule.Once, new MergeItem(new Hlc(1_000_000 + random.Next(10), 0), NumberedReplica.IdOf(number / 2), NumberedReplica.IdOf(key + random.Next(2))));
        }

        var kept = new Dictionary<int, Merged>(MergedKeys);
        var begin = Stopwatch.GetTimestamp();
        foreach (var (key, rule, item) in items)
        {
            ref var merged = ref CollectionsMarshal.GetValueRefOrAddDefault(kept, key, out var isThere);
            merged = StatementMerge.Add(rule, isThere ? merged : null, item, out _);
        }

        return items.Length / (Clock.Since(begin) / 1e3);
    }

    private static AgentListing Listing(int number)
    {
        var json = $$"""
            { "name": "agent-{{number}}", "version": "1.0.0", "description": "Does the work of number {{number}}.", "capabilities": ["work.kind{{number % 200}}"], "program": "p.wasm",
              "input": { "mediaType": "text/plain" }, "output": { "mediaType": "text/plain" },
              "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
              "price": { "base": "0.0001", "perMegabyte": "0", "perGigafuel": "0.5" } }
            """;
        return new AgentListing(ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, json, NumberedReplica.IdOf(number), NumberedReplica.IdOf(number + 1), 1_000);
    }

    private sealed record Session(ReconciliationReport Report, long Bytes, int BeforeData, int RoundTrips, double CpuSeconds);

    /// <summary>Statements that are numbers, which nobody keeps: what is measured is how it is found which there are.</summary>
    private sealed class NumberedReplica(int number) : IReplica
    {
        private readonly Dictionary<ContentHash, SignedStatement> _apart = [];

        public ReplicaIndex Index { get; } = new(new SipKey((ulong)number, 9));

        public UnwantedStatements Unwanted { get; } = new(TimeProvider.System);

        public static ContentHash IdOf(long number)
        {
            Span<byte> bytes = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            return ContentHash.Of(bytes);
        }

        public void Fill(int common, int apart, long first)
        {
            Index.Apply(Enumerable.Range(0, common).Select(number => IdOf(number)), []);
            for (var number = first; number < first + apart; number++)
            {
                var bytes = new byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
                _apart.Add(IdOf(number), new SignedStatement(bytes, []));
            }

            Index.Apply(_apart.Keys, []);
        }

        public Task<ReadStatements> ReadAsync(IReadOnlyList<ContentHash> ids, int enoughBytes, CancellationToken cancellationToken) =>
            Task.FromResult(new ReadStatements(ids.Count, [.. ids.Select(id => _apart[id])]));

        public Task<IntakeReport> TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken) => Task.FromResult(new IntakeReport(statements.Count, 0, 0, 0));
    }

    /// <summary>One end of a session in memory.</summary>
    private sealed class CountedChannel(Channel<byte[]> input, Channel<byte[]> output, bool spoils) : IMessageChannel
    {
        public long Bytes { get; private set; }

        public int Messages { get; private set; }

        /// <summary>What was asked before the first statements were asked for or given.</summary>
        public int BeforeData { get; private set; }

        public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
        {
            Messages++;
            var read = ReplicationMessage.Read(message.Span);
            if (BeforeData == 0 && read is (ReplicationMessage.Want or ReplicationMessage.Give))
                BeforeData = Messages - 1;
            if (spoils && read is ReplicationMessage.Symbols symbols)
                message = (symbols with { Coded = [.. symbols.Coded.Select(symbol => symbol with { Check = ~symbol.Check })] }).Write();
            if (read is not (ReplicationMessage.Given or ReplicationMessage.Give))
                Bytes += message.Length;
            return output.Writer.WriteAsync(message.ToArray(), cancellationToken);
        }

        public async ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(int maxLength, CancellationToken cancellationToken)
        {
            if (!await input.Reader.WaitToReadAsync(cancellationToken))
                return null;
            return await input.Reader.ReadAsync(cancellationToken);
        }
    }
}
