namespace Stoa.Simulation;

/// <summary>Expects failures inside of a world. Those of test libraries go on in the thread pool, which a world has none of.</summary>
public static class Thrown
{
    /// <summary>What an act fails with.</summary>
    /// <exception cref="ShouldAssertException">It does not fail, or with something else.</exception>
    public static async Task<T> ByAsync<T>(Func<Task> act) where T : Exception
    {
        ArgumentNullException.ThrowIfNull(act);
        try
        {
            await act();
        }
        catch (T expected)
        {
            return expected;
        }

        throw new ShouldAssertException($"A {typeof(T).Name} was to be thrown, and nothing was.");
    }
}
