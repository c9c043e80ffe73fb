using System.Diagnostics;
using System.Threading.Channels;
using Stoa.Market.Identity;
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
    private static readonly ContentHash Nothing = ContentHash.Of([]);

    private readonly SqlTaskStore _tasks = new(database, TimeProvider.System);
    private readonly SqlTaskBatchStore _batches = new(database);
    private readonly IdSource _ids = new(TimeProvider.System, Random.Shared);
    private readonly LeaseHolder _holder = new("bench", "1");
    private readonly AgentTask _pattern = new(
        default, default, default, ListingName.Parse("bench/noop@1.0.0"), new TaskInput(Nothing, 0, IsInline: false), [],
        new AgentLimits(1_000, 1 << 16, 1_000, 0, 0), Hold: null, 0, 0, 0, new TaskState.Queued(default), null, null, default);

    /// <summary>Runs so many tasks; answers tasks a second and what a task took from its submission to its end, a sample a batch, in milliseconds.</summary>
    public async Task<(double PerSecond, IReadOnlyList<double> LatenciesMs)> RunAsync(int count, CancellationToken cancellationToken)
    {
        var owner = _ids.Next<User>();
        var agent = _ids.Next<AgentVersion>();
        var room = Channel.CreateBounded<long>(BatchesInFlight);
        var latencies = new List<double>();
        var start = Stopwatch.GetTimestamp();
        var submitting = Task.Run(
            async () =>
            {
                for (var done = 0; done < count; done += BatchSize)
                {
                    await room.Writer.WriteAsync(Stopwatch.GetTimestamp(), cancellationToken);
                    await SubmitAsync(owner, agent, cancellationToken);
                }
            },
            cancellationToken);
        for (var ended = 0; ended < count;)
        {
            var claimed = await _tasks.ClaimAsync(
                _holder, new ClaimRoom(BatchSize, long.MaxValue, long.MaxValue), TimeProvider.System.GetUtcNow(), cancellationToken);
            if (claimed.Count == 0)
            {
                await Task.Yield();
                continue;
            }

            var before = ended;
            var outcomes = await _tasks.EndAttemptsAsync([.. claimed.Select(End)], cancellationToken);
            ended += outcomes.Count(outcome => outcome is AttemptEndOutcome.Written);
            for (var batch = before / BatchSize; batch < ended / BatchSize; batch++)
                latencies.Add(Clock.Since(await room.Reader.ReadAsync(cancellationToken)));
        }

        var seconds = Clock.Since(start) / 1000;
        await submitting;
        return (count / seconds, latencies);
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

        var submitted = await _batches.SubmitAsync(
            new TaskBatch(id, owner, tasks.Length, tasks[0].Task.Id, tasks[^1].Task.Id, 0, 0, 0, Money.Zero, null, now, null), tasks, cancellationToken);
        if (submitted.Refusal is { } refusal)
            throw new BenchmarkException(refusal.Detail);
    }

    private AttemptEnd End(AgentTask task)
    {
        var result = new TaskResult(Nothing, 0, IsInline: false, "text/plain", new Usage(0, 0, 0, 0, 0), Money.Zero, _ids.Next<Receipt>());
        return new AttemptEnd(task.Succeed(result, task.CreatedAt), [], null, null, ReadOnlyMemory<byte>.Empty, []);
    }
}
