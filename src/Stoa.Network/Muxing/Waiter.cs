using System.Threading.Tasks.Sources;

namespace Stoa.Network.Muxing;

/// <summary>One wait after another without an allocation. All but the answer to the task happens under the owner's lock.</summary>
/// <remarks>
/// What waits never goes on inside the call that ends the wait, which holds the lock: it goes on where it came from, or in the thread pool. Framework code, which comes back to
/// no context, would be in the thread pool too; where the owner lives in a context, as in a simulation, whose only thread is its own, it goes on in that context.
/// </remarks>
internal sealed class Waiter<T>(SynchronizationContext? home) : IValueTaskSource<T>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<T> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private State _state;
    private bool _comesBackNowhere;
    private T? _result;
    private Exception? _error;

    private enum State
    {
        Idle,
        Waiting,
        Ended,
    }

    public bool IsIdle => _state == State.Idle;

    public bool IsWaiting => _state == State.Waiting;

    /// <summary>Whose wait it is: a cancellation of an earlier one does nothing to this one.</summary>
    public CancellationToken Cancellation { get; private set; }

    /// <summary>Begins to wait; <see cref="CancelWith"/> comes next.</summary>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    public short Begin()
    {
        if (_state != State.Idle)
            throw new InvalidOperationException("One read and one write at a time are expected of a stream.");
        _core.Reset();
        _core.RunContinuationsAsynchronously = true;
        _comesBackNowhere = false;
        _state = State.Waiting;
        return _core.Version;
    }

    public void CancelWith(Action<object?, CancellationToken> cancel, object owner, CancellationToken cancellationToken)
    {
        Cancellation = cancellationToken;
        var registration = cancellationToken.UnsafeRegister(cancel, owner);
        // It may have been cancelled inside the call.
        if (IsWaiting)
            _registration = registration;
    }

    public void Complete(T result) => End(result, null);

    public void Fail(Exception error) => End(default, error);

    private void End(T? result, Exception? error)
    {
        _state = State.Ended;
        // Not Dispose, which waits for a cancellation that waits for the lock.
        _registration.Unregister();
        _registration = default;
        (_result, _error) = (result, error);
        if (_comesBackNowhere)
            home!.Post(static waiter => ((Waiter<T>)waiter!).EndAtHome(), this);
        else
            Signal();
    }

    private void EndAtHome()
    {
        // With a context set, what the framework resumes would resume its own callers in the thread pool.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        _core.RunContinuationsAsynchronously = false;
        Signal();
        SynchronizationContext.SetSynchronizationContext(context);
    }

    private void Signal()
    {
        if (_error is null)
            _core.SetResult(_result!);
        else
            _core.SetException(_error);
    }

    public T GetResult(short token)
    {
        _error = null;
        _state = State.Idle;
        return _core.GetResult(token);
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _comesBackNowhere = home is not null
            && (!flags.HasFlag(ValueTaskSourceOnCompletedFlags.UseSchedulingContext) || SynchronizationContext.Current is null);
        _core.OnCompleted(continuation, state, token, flags);
    }
}
