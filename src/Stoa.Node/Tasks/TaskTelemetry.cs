using System.Diagnostics;
using System.Diagnostics.Metrics;
using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks;

/// <summary>Traces and measures of tasks. Submission, queue and execution are one trace, carried by the task itself.</summary>
public sealed class TaskTelemetry : IDisposable
{
    /// <summary>Name of the source of traces and of the meter.</summary>
    public const string Name = "Stoa.Tasks";

    /// <summary>The span of an attempt, begun by the thread that runs the program.</summary>
    public const string AttemptSpan = "task execute";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter meter;
    private readonly Counter<long> ended;
    private readonly Counter<long> retried;
    private readonly Counter<long> fuel;
    private readonly Histogram<double> queueWait;
    private readonly Histogram<double> execution;

    public TaskTelemetry(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        ended = meter.CreateCounter<long>("stoa.tasks.ended", "{task}", "Tasks that ended here, by outcome.");
        retried = meter.CreateCounter<long>("stoa.tasks.requeued", "{task}", "Attempts after which a task went back to the queue.");
        fuel = meter.CreateCounter<long>("stoa.tasks.fuel", "{unit}", "Fuel burnt by tasks that succeeded.");
        queueWait = meter.CreateHistogram<double>("stoa.tasks.queue_wait", "s", "From the submission of a task to its first attempt.");
        execution = meter.CreateHistogram<double>("stoa.tasks.execution", "s", "From when a node took a task to the end of the attempt.");
    }

    /// <summary>Shows how many tasks run and how much memory they were promised.</summary>
    public void Watch(Func<int> running, Func<long> memoryBytes)
    {
        meter.CreateObservableGauge("stoa.tasks.running", running, "{task}", "Tasks that run here now.");
        meter.CreateObservableGauge("stoa.tasks.memory", memoryBytes, "By", "Sum of the memory limits of the tasks that run here now.");
    }

    /// <summary>An attempt begins: the wait is over, the execution's span opens.</summary>
    public Activity? Begin(AgentTask task, DateTimeOffset now)
    {
        // Of a later attempt the wait is the policy's doing, not the queue's.
        var isFirst = task is { Attempts: 0, Losses: 0 };
        if (isFirst)
            queueWait.Record(Math.Max(0, (now - task.CreatedAt).TotalSeconds));
        ActivityContext.TryParse(task.TraceParent, null, isRemote: true, out var parent);
        // Only what was traced when it came in is traced here; a task of its own makes no trace of its own.
        if (parent == default)
            return null;
        if (isFirst)
            Source.StartActivity("task queue", ActivityKind.Internal, parent, startTime: task.CreatedAt)?.SetTag("stoa.task.id", task.Id.ToString()).Dispose();

        return Source.StartActivity(AttemptSpan, ActivityKind.Consumer, parent)?
            .SetTag("stoa.task.id", task.Id.ToString())
            .SetTag("stoa.agent", task.Agent.ToString())
            .SetTag("stoa.task.attempt", task.Attempts + 1);
    }

    /// <summary>An attempt has ended.</summary>
    public void End(Activity? span, AgentTask? task, TimeSpan duration)
    {
        execution.Record(duration.TotalSeconds);
        span?.SetTag("stoa.task.state", task?.State.Name ?? "lost");
        switch (task?.State)
        {
            case TaskState.Queued:
                retried.Add(1);
                break;
            case TaskState.Succeeded succeeded:
                fuel.Add(succeeded.Result.Usage.Fuel);
                ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Succeeded));
                span?.SetTag("stoa.task.fuel", succeeded.Result.Usage.Fuel);
                break;
            case TaskState.Failed failed:
                ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Failed), new KeyValuePair<string, object?>("code", failed.Failure.Code.ToString()));
                span?.SetStatus(ActivityStatusCode.Error, failed.Failure.Detail);
                break;
            case TaskState.Cancelled:
                ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Cancelled));
                break;
            default:
                break;
        }
    }

    public void Dispose() => meter.Dispose();
}
