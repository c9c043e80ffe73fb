using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

/// <summary>A database whose connection breaks at commits, when it is told to: they have happened all the same, and nobody heard of it.</summary>
public sealed class UnsureDatabase(Database inner) : Database
{
    private int _losing;

    public override SqlDialect Dialect => inner.Dialect;

    /// <summary>Of the next acts so many lose their answers.</summary>
    public void LoseAnswers(int count) => _losing = count;

    public override Task EndSessionsAsync(string boot, CancellationToken cancellationToken) => inner.EndSessionsAsync(boot, cancellationToken);

    public override Task ScrubAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken) => inner.ScrubAsync(tables, cancellationToken);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private protected override async Task<Written<T>> RunWriteAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken)
    {
        SqlSession? session = null;
        var result = await inner.WriteAsync(
            running =>
            {
                session = running;
                return act(running);
            },
            cancellationToken);
        // What goes with a commit was done by the other one.
        session!.Abandon();
        return Interlocked.Decrement(ref _losing) >= 0
            ? throw new CommitUnknownException("The connection broke at the commit.", null)
            : new Written<T>(result, session);
    }

    private protected override Task<T> RunReadAsync<T>(Func<SqlSession, Task<T>> act, CancellationToken cancellationToken) =>
        inner.ReadAsync(act, cancellationToken);
}
