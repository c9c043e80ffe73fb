using System.Text;
using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>Something that has happened to a run, as it is kept: a run is made anew of all that happened to it, in order.</summary>
/// <param name="Event">What.</param>
/// <param name="At">UTC, to the millisecond.</param>
public sealed record RunLogEntry(RunEvent Event, DateTimeOffset At)
{
    /// <summary>The task that has ended; null where it was none, or none was made.</summary>
    public Id<AgentTask>? Task { get; init; }

    /// <summary>What the task or the request has cost.</summary>
    public Money Price { get; init; }

    /// <summary>What it is about.</summary>
    public string Path => Event switch
    {
        RunEvent.WorkEnded ended => ended.Path,
        RunEvent.TimeCame came => came.Path,
        RunEvent.Answered answer => answer.Path,
        _ => "",
    };

    /// <summary>The event as JSON.</summary>
    public string ToJson() => Encoding.UTF8.GetString(SignedJson.Written(json =>
    {
        json.WriteStartObject();
        switch (Event)
        {
            case RunEvent.WorkEnded ended:
                json.WriteString("work", ended.Path);
                json.WriteNumber("attempt", ended.Attempt);
                Write(json, ended.Outcome);
                break;
            case RunEvent.TimeCame came:
                json.WriteString("time", came.Path);
                json.WriteString("timer", EnumWord.Of(came.Kind));
                json.WriteNumber("attempt", came.Attempt);
                break;
            case RunEvent.Signalled signal:
                json.WriteString("event", signal.Name);
                Write(json, "value", signal.Value);
                break;
            case RunEvent.Answered answer:
                json.WriteString("answer", answer.Path);
                json.WriteString("by", answer.By);
                json.WriteBoolean("isYes", answer.IsYes);
                json.WriteString("comment", answer.Comment);
                break;
            case RunEvent.CancelAsked:
                json.WriteBoolean("cancel", true);
                break;
            case RunEvent.Resumed:
                json.WriteBoolean("resumed", true);
                break;
            default:
                throw new InvalidOperationException($"Unknown event {Event.GetType().Name}.");
        }

        if (Task is { } task)
            json.WriteString("task", task.ToString());
        if (Price > Money.Zero)
            json.WriteString("price", Price.ToString());
        json.WriteEndObject();
    }));

    /// <summary>An entry that was kept.</summary>
    /// <param name="json">As it was written.</param>
    /// <param name="at">When it happened.</param>
    public static RunLogEntry Read(string json, DateTimeOffset at)
    {
        // Not pooled: values of the run are parts of it as long as the run is there.
        var root = JsonElement.Parse(json);
        return new RunLogEntry(ReadEvent(root), at)
        {
            Task = root.TryGetProperty("task", out var task) ? Id<AgentTask>.Parse(task.GetString()!) : null,
            Price = root.TryGetProperty("price", out var price) ? Money.Parse(price.GetString()!) : Money.Zero,
        };
    }

    private static RunEvent ReadEvent(JsonElement root)
    {
        if (root.TryGetProperty("work", out var work))
            return new RunEvent.WorkEnded(work.GetString()!, root.GetProperty("attempt").GetInt32(), ReadOutcome(root));
        if (root.TryGetProperty("time", out var time))
        {
            return EnumWord.TryParse<TimerKind>(root.GetProperty("timer").GetString()!, out var timer)
                ? new RunEvent.TimeCame(time.GetString()!, timer, root.GetProperty("attempt").GetInt32())
                : throw new FormatException($"Unknown timer {root.GetProperty("timer")}.");
        }

        if (root.TryGetProperty("event", out var name))
            return new RunEvent.Signalled(name.GetString()!, ExpressionValue.Of(root.GetProperty("value")));
        if (root.TryGetProperty("answer", out var path))
            return new RunEvent.Answered(path.GetString()!, root.GetProperty("by").GetString()!, root.GetProperty("isYes").GetBoolean(), root.GetProperty("comment").GetString()!);
        if (root.TryGetProperty("resumed", out _))
            return new RunEvent.Resumed();
        return root.TryGetProperty("cancel", out _) ? new RunEvent.CancelAsked() : throw new FormatException("An entry of a run's log is of no kind that there is.");
    }

    private static void Write(Utf8JsonWriter json, WorkOutcome outcome)
    {
        switch (outcome)
        {
            case WorkOutcome.Done done:
                Write(json, "output", done.Output);
                Write(json, "content", done.Content);
                break;
            case WorkOutcome.Failed failed:
                json.WriteString("code", failed.Code);
                json.WriteString("detail", failed.Detail);
                json.WriteBoolean("isFinal", failed.IsFinal);
                break;
        }
    }

    private static WorkOutcome ReadOutcome(JsonElement root) => root.TryGetProperty("code", out var code)
        ? new WorkOutcome.Failed(code.GetString()!, root.GetProperty("detail").GetString()!, root.GetProperty("isFinal").GetBoolean())
        : new WorkOutcome.Done(ExpressionValue.Of(root.GetProperty("output")), ExpressionValue.Of(root.GetProperty("content")));

    // Of a bounded size, since all that comes to a run is; so nothing is to be paid for.
    private static void Write(Utf8JsonWriter json, string name, ExpressionValue value)
    {
        json.WritePropertyName(name);
        if (!value.TryWrite(json, new ExpressionBudget(long.MaxValue), out var fault))
            throw new InvalidOperationException($"A value of a run cannot be written: {fault.Reason}");
    }
}
