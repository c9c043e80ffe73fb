using System.Text;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>Draws a run as the flowchart of its workflow, each node in the colour of its state; one that runs more than once in that of the turn about which there is most to say.</summary>
public static class RunPicture
{
    private static readonly (StepState State, string Style)[] s_styles =
    [
        (StepState.Failed, "fill:#f8d7da,stroke:#b02a37"),
        (StepState.Running, "fill:#cfe2ff,stroke:#0a58ca"),
        (StepState.Sleeping, "fill:#fff3cd,stroke:#997404"),
        (StepState.Cancelled, "fill:#e2e3e5,stroke:#6c757d,stroke-dasharray:4"),
        (StepState.Succeeded, "fill:#d1e7dd,stroke:#146c43"),
        (StepState.Skipped, "fill:#f8f9fa,stroke:#adb5bd,stroke-dasharray:4"),
        (StepState.Waiting, "fill:#ffffff,stroke:#adb5bd"),
    ];

    /// <summary>The picture; null when there are more than <see cref="WorkflowPicture.MaxNodes"/> nodes.</summary>
    /// <param name="workflow">What is run.</param>
    /// <param name="steps">Paths and states of its steps.</param>
    public static string? Draw(Workflow workflow, IEnumerable<(string Path, StepState State)> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        if (WorkflowPicture.Draw(workflow) is not { } picture)
            return null;
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (path, state) in steps)
        {
            var name = path[(path.LastIndexOf('.') + 1)..];
            var place = Array.FindIndex(s_styles, style => style.State == state);
            places[name] = places.TryGetValue(name, out var other) ? Math.Min(place, other) : place;
        }

        var text = new StringBuilder(picture);
        foreach (var nodes in places.GroupBy(node => node.Value, node => node.Key).OrderBy(nodes => nodes.Key))
        {
            var word = EnumWord.Of(s_styles[nodes.Key].State);
            text.Append("  classDef ").Append(word).Append(' ').Append(s_styles[nodes.Key].Style).Append('\n');
            text.Append("  class ").AppendJoin(',', nodes.Order(StringComparer.Ordinal).Select(name => "n_" + name)).Append(' ').Append(word).Append('\n');
        }

        return text.ToString();
    }
}
