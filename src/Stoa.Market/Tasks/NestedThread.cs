using System.Runtime.ExceptionServices;

namespace Stoa.Market.Tasks;

/// <summary>A thread that does one thing after another, while whoever wants them done waits.</summary>
internal sealed class NestedThread
{
    private readonly object _gate = new();
    private Action? _run;
    private bool _isEnded;

    /// <param name="stackBytes">Of its stack.</param>
    public NestedThread(int stackBytes) => new Thread(Work, stackBytes) { IsBackground = true, Name = "guest-nested" }.Start();

    /// <summary>Does something and waits for it; what it throws is thrown here.</summary>
    public T Run<T>(Func<T> run)
    {
        var result = default(T);
        ExceptionDispatchInfo? thrown = null;
        lock (_gate)
        {
            _run = Do;
            Monitor.PulseAll(_gate);
            while (_run is not null)
                Monitor.Wait(_gate);
        }

        thrown?.Throw();
        return result!;

        void Do()
        {
            try
            {
                result = run();
            }
            catch (Exception exception)
            {
                thrown = ExceptionDispatchInfo.Capture(exception);
            }
        }
    }

    /// <summary>Lets the thread end. It has nothing to do any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isEnded = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Work()
    {
        while (true)
        {
            Action? run;
            lock (_gate)
            {
                while (_run is null && !_isEnded)
                    Monitor.Wait(_gate);
                run = _run;
            }

            if (run is null)
                return;
            run();
            lock (_gate)
            {
                _run = null;
                Monitor.PulseAll(_gate);
            }
        }
    }
}
