namespace Stoa.Node.Background;

/// <summary>A worker's round over things that have nothing to do with each other: what fails is told of and left to a later round, and the others are done.</summary>
internal static class EachByItself
{
    /// <summary>Does it to one after the other.</summary>
    /// <param name="things">Each is given once.</param>
    /// <param name="act">What is done to one.</param>
    /// <param name="tell">Told of each that failed, and why.</param>
    /// <param name="cancellationToken">Ends the round: what is thrown then is thrown here.</param>
    /// <returns>How many did not fail. Whoever goes round again at once because there may be more goes by this, or would do so without end for what fails.</returns>
    public static async Task<int> DoAsync<T>(IEnumerable<T> things, Func<T, Task> act, Action<T, Exception> tell, CancellationToken cancellationToken)
    {
        var done = 0;
        foreach (var thing in things)
        {
            try
            {
                await act(thing);
                done++;
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                tell(thing, failure);
            }
        }

        return done;
    }

    /// <summary>Does it to all that there are, page by page, past those that fail: they stay where they are, and however many they are the others are not to wait behind them.</summary>
    /// <param name="list">What comes after one; the default of its type for the first page. Empty when there is nothing more.</param>
    /// <param name="act">What is done to one.</param>
    /// <param name="tell">Told of each that failed, and why.</param>
    /// <param name="cancellationToken">Ends the round: what is thrown then is thrown here.</param>
    /// <returns>How many did not fail.</returns>
    public static async Task<int> DoAllAsync<T>(Func<T?, Task<IReadOnlyList<T>>> list, Func<T, Task> act, Action<T, Exception> tell, CancellationToken cancellationToken)
    {
        var done = 0;
        for (var page = await list(default); page.Count > 0; page = await list(page[^1]))
            done += await DoAsync(page, act, tell, cancellationToken);
        return done;
    }
}
