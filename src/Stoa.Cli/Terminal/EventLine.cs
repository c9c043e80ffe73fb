using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>An event as one line of markup.</summary>
internal static class EventLine
{
    private const string TaskTypes = "stoa.task.";

    public static string Of(CloudEvent happened)
    {
        var time = $"[grey]{Format.Time(happened.Time)}[/]";
        if (StoaClient.TryReadProgress(happened, out var progress))
            return $"{time}  progress   {Format.Escaped(progress.TaskId)}  {Format.Escaped(ProgressText.Of(progress))}";
        if (!happened.Type.StartsWith(TaskTypes, StringComparison.Ordinal) || TaskData(happened) is not { } task)
            return $"{time}  {Format.Escaped(happened.Type)}  {Format.Escaped(happened.Subject)}";
        var what = happened.Type[TaskTypes.Length..];
        var details = task switch
        {
            { Price: { } price } => "  " + Format.Money(price),
            { Detail: { } detail } => "  " + Format.Escaped(detail),
            { Attempt: > 1 } => $"  attempt {task.Attempt}",
            _ => "",
        };
        return $"{time}  [{Format.StateColour(what)}]{Format.Escaped(what),-9}[/]  {Format.Escaped(task.TaskId)}  {Format.Escaped(task.Agent)}{details}";
    }

    private static TaskEventData? TaskData(CloudEvent happened)
    {
        try
        {
            return happened.Data.Deserialize(StoaJson.Default.TaskEventData);
        }
        catch (JsonException)
        {
            // A later version may tell of tasks in another form: then the type and the subject are shown.
            return null;
        }
    }
}
