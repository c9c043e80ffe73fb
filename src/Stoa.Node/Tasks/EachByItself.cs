namespace Stoa.Node.Tasks;

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
}
