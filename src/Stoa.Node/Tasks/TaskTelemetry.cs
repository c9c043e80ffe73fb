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

    private static readonly ActivitySource s_source = new(Name);

    private readonly Meter _meter;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _retried;
    private readonly Counter<long> _fuel;
    private readonly Histogram<double> _queueWait;
    private readonly Histogram<double> _execution;

    public TaskTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _ended = _meter.CreateCounter<long>("stoa.tasks.ended", "{task}", "Tasks that ended here, by outcome.");
        _retried = _meter.CreateCounter<long>("stoa.tasks.requeued", "{task}", "Attempts after which a task went back to the queue.");
        _fuel = _meter.CreateCounter<long>("stoa.tasks.fuel", "{unit}", "Fuel burnt by tasks that succeeded.");
        _queueWait = _meter.CreateHistogram<double>("stoa.tasks.queue_wait", "s", "From the submission of a task to its first attempt.");
        _execution = _meter.CreateHistogram<double>("stoa.tasks.execution", "s", "From when a node took a task to the end of the attempt.");
    }

    /// <summary>Shows how many tasks run and how much memory they were promised.</summary>
    public void Watch(Func<int> running, Func<long> memoryBytes)
    {
        _meter.CreateObservableGauge("stoa.tasks.running", running, "{task}", "Tasks that run here now.");
        _meter.CreateObservableGauge("stoa.tasks.memory", memoryBytes, "By", "Sum of the memory limits of the tasks that run here now.");
    }

    /// <summary>An attempt begins: the wait is over, the execution's span opens.</summary>
    public Activity? Begin(AgentTask task, DateTimeOffset now)
    {
        // Of a later attempt the wait is the policy's doing, not the queue's.
        var isFirst = task is { Attempts: 0, Losses: 0 };
        if (isFirst)
            _queueWait.Record(Math.Max(0, (now - task.CreatedAt).TotalSeconds));
        ActivityContext.TryParse(task.TraceParent, null, isRemote: true, out var parent);
        // Only what was traced when it came in is traced here; a task of its own makes no trace of its own.
        if (parent == default)
            return null;
        if (isFirst)
            s_source.StartActivity("task queue", ActivityKind.Internal, parent, startTime: task.CreatedAt)?.SetTag("stoa.task.id", task.Id.ToString()).Dispose();

        return s_source.StartActivity(AttemptSpan, ActivityKind.Consumer, parent)?
            .SetTag("stoa.task.id", task.Id.ToString())
            .SetTag("stoa.agent", task.Agent.ToString())
            .SetTag("stoa.task.attempt", task.Attempts + 1);
    }

    /// <summary>An attempt has ended.</summary>
    public void End(Activity? span, AgentTask? task, TimeSpan duration)
    {
        _execution.Record(duration.TotalSeconds);
        span?.SetTag("stoa.task.state", task?.State.Name ?? "lost");
        switch (task?.State)
        {
            case TaskState.Queued:
                _retried.Add(1);
                break;
            case TaskState.Succeeded succeeded:
                _fuel.Add(succeeded.Result.Usage.Fuel);
                _ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Succeeded));
                span?.SetTag("stoa.task.fuel", succeeded.Result.Usage.Fuel);
                break;
            case TaskState.Failed failed:
                _ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Failed), new KeyValuePair<string, object?>("code", failed.Failure.Code.ToString()));
                span?.SetStatus(ActivityStatusCode.Error, failed.Failure.Detail);
                break;
            case TaskState.Cancelled:
                _ended.Add(1, new KeyValuePair<string, object?>("outcome", TaskStateNames.Cancelled));
                break;
            default:
                break;
        }
    }

    public void Dispose() => _meter.Dispose();
}
