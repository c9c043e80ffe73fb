using Spectre.Console;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Tour;

/// <summary>Steps that are told of as they are done, each with the time that it took.</summary>
internal sealed class TourSteps(Screen screen, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    public TimeSpan Elapsed => time.GetElapsedTime(_began);

    public Task<T> DoAsync<T>(string doing, Func<Task<T>> act, Func<T, string> done) => DoAsync(doing, _ => act(), done);

    /// <param name="doing">What is seen while it is done.</param>
    /// <param name="act">Does it, and may show its progress.</param>
    /// <param name="done">What was done, as markup.</param>
    public async Task<T> DoAsync<T>(string doing, Func<TaskProgress, Task<T>> act, Func<T, string> done)
    {
        var began = time.GetTimestamp();
        var result = await TaskProgress.RunAsync(screen, doing, act);
        if (!screen.IsJson)
            screen.Markup($"  [green]✓[/] {done(result)}  [grey]{Format.Duration(time.GetElapsedTime(began)).EscapeMarkup()}[/]");
        return result;
    }
}
