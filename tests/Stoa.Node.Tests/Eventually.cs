namespace Stoa.Node.Tests;

/// <summary>Waits for what comes about by itself, on a loaded machine, too.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends once it is so; fails when that takes too long.</summary>
    public static async Task IsSoAsync(Func<Task<bool>> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(s_patience);
        while (!await condition())
            await Task.Delay(s_pause, deadline.Token);
    }

    /// <summary>The same.</summary>
    public static Task IsSoAsync(Func<bool> condition) => IsSoAsync(() => Task.FromResult(condition()));
}
