using System.Runtime.ExceptionServices;

namespace Stoa.Market.Tasks;

/// <summary>A thread that does one thing after another, while whoever wants them done waits.</summary>
internal sealed class NestedThread
{
    private readonly SemaphoreSlim _given = new(0);
    private readonly SemaphoreSlim _done = new(0);
    private Action? _run;

    /// <param name="stackBytes">Of its stack.</param>
    public NestedThread(int stackBytes) => new Thread(Work, stackBytes) { IsBackground = true, Name = "guest-nested" }.Start();

    /// <summary>Does something and waits for it; what it throws is thrown here.</summary>
    public T Run<T>(Func<T> run)
    {
        var result = default(T);
        ExceptionDispatchInfo? thrown = null;
        _run = () =>
        {
            try
            {
                result = run();
            }
            catch (Exception exception)
            {
                thrown = ExceptionDispatchInfo.Capture(exception);
            }
        };
        _given.Release();
        _done.Wait();
        thrown?.Throw();
        return result!;
    }

    /// <summary>Lets the thread end. It has nothing to do any more.</summary>
    public void End()
    {
        _run = null;
        _given.Release();
    }

    private void Work()
    {
        while (true)
        {
            _given.Wait();
            if (_run is not { } run)
                break;
            run();
            _run = null;
            _done.Release();
        }

        _given.Dispose();
        _done.Dispose();
    }
}
