using Spectre.Console;
using Spectre.Console.Rendering;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>Shows an upload and then a task on one line of the terminal that is drawn anew. Elsewhere it shows nothing.</summary>
internal sealed class TaskProgress
{
    private readonly ProgressTask? _line;

    private TaskProgress(ProgressTask? line)
    {
        _line = line;
        Upload = new Sink<TransferProgress>(transfer => Show(
            $"uploading {Format.Size(transfer.BytesDone)}",
            transfer.BytesTotal is > 0 and var total ? (double)transfer.BytesDone / total : 0));
        Download = new Sink<TransferProgress>(transfer => Show(
            $"downloading {Format.Size(transfer.BytesDone)}",
            transfer.BytesTotal is > 0 and var total ? (double)transfer.BytesDone / total : 1));
    }

    public IProgress<TransferProgress> Upload { get; }

    public IProgress<TransferProgress> Download { get; }

    /// <summary>Runs something with a line for its progress.</summary>
    public static Task<T> RunAsync<T>(Screen screen, string first, Func<TaskProgress, Task<T>> act)
    {
        if (!screen.CanShowProgress)
            return act(new TaskProgress(null));
        return screen.Progress.Progress()
            .AutoClear(true)
            .HideCompleted(true)
            .Columns(new SpinnerColumn(), new MeasuredBar(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ElapsedTimeColumn())
            .StartAsync(context =>
            {
                var line = context.AddTask(first.EscapeMarkup(), maxValue: 1);
                line.IsIndeterminate = true;
                return act(new TaskProgress(line));
            });
    }

    /// <summary>Follows an event of the task.</summary>
    public void Follow(CloudEvent happened)
    {
        if (StoaClient.TryReadProgress(happened, out var progress))
            Show(ProgressText.Of(progress), ProgressText.Fraction(progress));
        else if (happened.Type == "stoa.task.started")
            Show("running", 0);
        else if (happened.Type == "stoa.task.retried")
            Show("waiting for another attempt", 0);
    }

    public void Show(string text, double fraction)
    {
        if (_line is null)
            return;
        _line.Description = text.EscapeMarkup();
        _line.IsIndeterminate = fraction <= 0;
        // A line at its maximum disappears: the end is for the caller to say.
        _line.Value = Math.Min(fraction, 0.999);
    }

    /// <summary>A bar where there is something to measure, and nothing where there is not.</summary>
    private sealed class MeasuredBar : ProgressColumn
    {
        private readonly ProgressBarColumn _bar = new() { Width = 28 };

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            task.IsIndeterminate ? Text.Empty : _bar.Render(options, task, deltaTime);
    }

    // IProgress<T> in the framework posts to a pool; here the last report must be the last one shown.
    private sealed class Sink<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
