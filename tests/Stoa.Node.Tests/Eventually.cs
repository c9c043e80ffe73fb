namespace Stoa.Node.Tests;

/// <summary>Waits for what comes about by itself, on a loaded machine, too.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends once it is so; fails when that takes too long.</summary>
    /// <param name="condition">Looked at again and again.</param>
    /// <param name="otherwise">What is wrong then.</param>
    public static async Task IsSoAsync(Func<Task<bool>> condition, string otherwise = "It has not come about.")
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(s_patience);
        while (!await condition())
        {
            try
            {
                await Task.Delay(s_pause, deadline.Token);
            }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                throw new TimeoutException($"{otherwise} It was waited for {s_patience}.");
            }
        }
    }

    /// <summary>Waits for something that is not there yet.</summary>
    public static async Task<T> FoundAsync<T>(Func<Task<T?>> find)
        where T : class
    {
        T? found = null;
        await IsSoAsync(async () => (found = await find()) is not null);
        return found!;
    }

    /// <summary>The same of what needs no waiting for.</summary>
    public static Task IsSoAsync(Func<bool> condition, string otherwise = "It has not come about.") => IsSoAsync(() => Task.FromResult(condition()), otherwise);
}
