using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>The compilation of one function, which guests wait for and may stop waiting for. All members may be used from any thread.</summary>
/// <param name="compile">Compiles the function and gives its address.</param>
internal sealed class CompilationJob(Func<nint> compile)
{
    private readonly object _monitor = new();
    private State _state;
    private int _waiters;
    private nint _address;
    private Exception? _failure;

    private enum State
    {
        New,
        Running,
        Done,

        /// <summary>Nobody waited for it any more before it began.</summary>
        Dropped,
    }

    /// <summary>Takes part in waiting. Who does must call <see cref="Wait"/>.</summary>
    /// <returns>False when the job was dropped: it will never be done.</returns>
    public bool TryJoin()
    {
        lock (_monitor)
        {
            if (_state == State.Dropped)
                return false;
            _waiters++;
            return true;
        }
    }

    /// <summary>Compiles, unless nobody waits for it any more.</summary>
    public void Run()
    {
        lock (_monitor)
        {
            if (_state != State.New)
                return;
            _state = _waiters == 0 ? State.Dropped : State.Running;
            if (_waiters == 0)
                return;
        }

        nint address = 0;
        Exception? failure = null;
        try
        {
            address = compile();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        lock (_monitor)
        {
            (_address, _failure, _state) = (address, failure, State.Done);
            Monitor.PulseAll(_monitor);
        }
    }

    /// <summary>Waits until the function is compiled.</summary>
    /// <returns>Its address.</returns>
    /// <exception cref="TrapException">The guest is to stop. The job goes on if it has begun.</exception>
    /// <exception cref="InvalidOperationException">The function could not be compiled.</exception>
    public nint Wait(Interruption? interruption)
    {
        interruption?.WakeBy(_monitor);
        lock (_monitor)
        {
            while (_state != State.Done && interruption is not { HasFired: true })
                Monitor.Wait(_monitor);
            _waiters--;
            if (_failure is not null)
                throw new InvalidOperationException("A function could not be compiled.", _failure);
        }

        interruption?.WakeBy(null);
        return interruption is { HasFired: true } ? throw new TrapException(interruption.Reason) : _address;
    }
}
