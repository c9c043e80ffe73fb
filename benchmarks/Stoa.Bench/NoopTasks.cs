using System.Diagnostics;
using System.Threading.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Tasks that do nothing, through the production queue: submitted in batches, claimed, ended. Only the executor is the benchmark's own.</summary>
internal sealed class NoopTasks(Database database)
{
    private const int BatchSize = 1_000;
    private const int BatchesInFlight = 4;
    private static readonly ContentHash s_nothing = ContentHash.Of([]);

    // Whoever claims need not wait for the commit of what others end.
    private const int Workers = 2;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    // As a node has it, so that what is counted for it is in the figures.
    private static readonly UserQuota s_quota = new(100_000, 100L << 30);

    private readonly RecentSubmissions _recent = new(TimeProvider.System);
    private readonly IdSource _ids = new(TimeProvider.System, Random.Shared);
    private readonly LeaseHolder _holder = new("bench", "1");
    private readonly AgentTask _pattern = new(
        default, default, default, ListingName.Parse("bench/noop@1.0.0"), new TaskInput(s_nothing, 0, IsInline: false), [],
        new AgentLimits(1_000, 1 << 16, 1_000, 0, 0), Hold: null, 0, 0, 0, new TaskState.Queued(default), null, null, default);

    private int _ended;

    /// <summary>How many tasks of the run under way have ended.</summary>
    public int Ended => Volatile.Read(ref _ended);

    private SqlTaskStore Tasks => field ??= new SqlTaskStore(database, TimeProvider.System, recent: _recent, quota: s_quota);

    private SqlTaskBatchStore Batches => field ??= new SqlTaskBatchStore(database, _recent, s_quota);

    /// <summary>Runs so many tasks; answers tasks a second and what a task took from its submission to its end, a sample a batch, in milliseconds.</summary>
    public async Task<(double PerSecond, IReadOnlyList<double> LatenciesMs)> RunAsync(int count, CancellationToken cancellationToken)
    {
        var owner = _ids.Next<User>();
        var agent = _ids.Next<AgentVersion>();
        var room = Channel.CreateBounded<long>(BatchesInFlight);
        using var work = new SemaphoreSlim(0);
        var latencies = new List<double>();
        _ended = 0;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll([Task.Run(SubmitAllAsync, cancellationToken), .. Enumerable.Range(0, Workers).Select(_ => Task.Run(WorkAsync, cancellationToken))]);
        return (count / (Clock.Since(start) / 1000), latencies);

        async Task SubmitAllAsync()
        {
            for (var done = 0; done < count; done += BatchSize)
            {
                await room.Writer.WriteAsync(Stopwatch.GetTimestamp(), cancellationToken);
                await SubmitAsync(owner, agent, cancellationToken);
                work.Release();
            }
        }

        async Task WorkAsync()
        {
            while (Volatile.Read(ref _ended) < count)
            {
                // What a claim passed by because another one had it in hand is told of by nobody: now and then it is looked for, as a node does.
                await work.WaitAsync(s_look, cancellationToken);
                var claimed = await Tasks.ClaimAsync(
                    _holder, new ClaimRoom(BatchSize, long.MaxValue, long.MaxValue), TimeProvider.System.GetUtcNow(), cancellationToken);
                var outcomes = await Tasks.EndAttemptsAsync([.. claimed.Select(End)], cancellationToken);
                var written = outcomes.Count(outcome => outcome is AttemptEndOutcome.Written);
                lock (latencies)
                {
                    for (var batch = _ended / BatchSize; batch < (_ended + written) / BatchSize; batch++)
                    {
                        if (room.Reader.TryRead(out var submitted))
                            latencies.Add(Clock.Since(submitted));
                    }

                    _ended += written;
                }
            }

            // The others may wait for work that will not come.
            work.Release();
        }
    }

    private async Task SubmitAsync(Id<User> owner, Id<AgentVersion> agent, CancellationToken cancellationToken)
    {
        var id = _ids.Next<TaskBatch>();
        var now = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var state = new TaskState.Queued(now);
        var tasks = new NewTask[BatchSize];
        for (var index = 0; index < tasks.Length; index++)
        {
            var task = _pattern with { Id = _ids.Next<AgentTask>(), OwnerId = owner, AgentId = agent, State = state, CreatedAt = now, BatchId = id };
            tasks[index] = new NewTask(task, null, null, null, null);
        }

        var submitted = await Batches.SubmitAsync(
            new TaskBatch(id, owner, tasks.Length, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, now, null), tasks, cancellationToken);
        if (submitted.Refusal is { } refusal)
            throw new BenchmarkException(refusal.Detail);
    }

    private AttemptEnd End(AgentTask task)
    {
        var result = new TaskResult(s_nothing, 0, IsInline: false, "text/plain", new Usage(0, 0, 0, 0, 0), Money.Zero, _ids.Next<Receipt>());
        return new AttemptEnd(task.Succeed(result, task.CreatedAt), [], null, null, ReadOnlyMemory<byte>.Empty, []);
    }
}
