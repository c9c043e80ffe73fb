using System.Diagnostics.CodeAnalysis;
using Stoa.Market.Tasks;
using Stoa.Node.Inference.Gateway;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Node.Inference.Programs;

/// <summary>One request at a program, from the instance that is made for it to its end. Nothing of it is there for the next one.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The source has neither a timer nor a link to another, so nothing is left of it; whoever goes away may stop a run that has ended.")]
internal sealed class ProgramRun
{
    private const int ExitAnswered = 0;
    private const int ExitRefused = 1;
    private const int FramesTold = 3;

    private readonly CancellationTokenSource _stop = new();
    private readonly ModelProgram _program;
    private readonly string _endpoint;
    private readonly ReadOnlyMemory<byte> _request;

    /// <param name="program">Which.</param>
    /// <param name="endpoint">Such as <c>chat/completions</c>.</param>
    /// <param name="request">JSON.</param>
    /// <param name="isStream">Whether it asks for a stream of events.</param>
    public ProgramRun(ModelProgram program, string endpoint, ReadOnlyMemory<byte> request, bool isStream)
    {
        (_program, _endpoint, _request) = (program, endpoint, request);
        Output = new ProgramOutput(isStream, _stop.Token);
    }

    /// <summary>What it writes.</summary>
    public ProgramOutput Output { get; }

    /// <summary>Runs it on a thread for programs.</summary>
    /// <returns>Whether it has answered; false when it says that the request is at fault.</returns>
    /// <exception cref="UpstreamException">It did neither.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public Task<bool> RunAsync(GuestThreads threads)
    {
        var end = threads.RunAsync(() =>
        {
            try
            {
                var hasAnswered = Run();
                Output.End(null);
                return hasAnswered;
            }
            catch (Exception failure)
            {
                // Whoever reads a stream learns it there.
                Output.End(failure);
                throw;
            }
        });
        // Who has gone away asks for no end.
        _ = end.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return end;
    }

    /// <summary>Has it end at once. What has ended already stays as it is.</summary>
    public void Stop() => _stop.Cancel();

    private bool Run()
    {
        _stop.Token.ThrowIfCancellationRequested();
        try
        {
            using var context = new WasiContext(_program.World(_endpoint) with
            {
                Stdin = GuestInput.FromBytes(_request),
                Stdout = GuestOutput.ToStream(Output, _program.Limits.OutputBytes),
            });
            using var instance = _program.Instantiate(context, _stop.Token);
            var exitCode = context.RunCommand(instance, _stop.Token);
            return exitCode switch
            {
                ExitAnswered => true,
                // What went out as a stream cannot be taken back.
                ExitRefused when !Output.Begun.IsCompleted => false,
                _ => throw new UpstreamException(UpstreamFailureKind.Refused, $"The program ended with exit code {exitCode}."),
            };
        }
        catch (TrapException trap) when (trap.Code is TrapCode.Cancelled)
        {
            throw new OperationCanceledException("The program was stopped.", trap, _stop.Token);
        }
        catch (TrapException trap)
        {
            throw Trapped(trap);
        }
        catch (ProcessExitException exit)
        {
            throw new UpstreamException(UpstreamFailureKind.Refused, $"The program ended with exit code {unchecked((int)exit.ExitCode)} before it began.", exit);
        }
        catch (OutputLimitExceededException limit)
        {
            throw new UpstreamException(UpstreamFailureKind.TooLarge, $"The program wrote more than the {limit.MaxBytes:N0} bytes of an answer.", limit);
        }
        catch (LinkException unlinked)
        {
            // It has linked when it was loaded: what is missing since is memory or addresses.
            throw new UpstreamException(UpstreamFailureKind.Refused, $"The program cannot be started just now: {unlinked.Message}.", unlinked);
        }
        catch (ObjectDisposedException gone)
        {
            throw new UpstreamException(UpstreamFailureKind.Unreachable, "The program is not served any more.", gone);
        }
        catch (InsufficientMemoryException none)
        {
            throw new UpstreamException(UpstreamFailureKind.Refused, "The node has no memory for the program just now.", none);
        }
    }

    private UpstreamException Trapped(TrapException trap) => trap.Code switch
    {
        TrapCode.OutOfFuel => new UpstreamException(UpstreamFailureKind.Refused, $"The program burnt all {_program.Limits.Fuel:N0} units of fuel that a request may have.", trap),
        TrapCode.DeadlineExceeded => new UpstreamException(UpstreamFailureKind.TooSlow, $"The program did not end within the {_program.Limits.Time.TotalMilliseconds:N0} ms that a request may take.", trap),
        _ => new UpstreamException(UpstreamFailureKind.Refused, $"The program trapped: {TrapException.Describe(trap.Code)}{(trap.SummarizeFrames(FramesTold) is { Length: > 0 } calls ? $" at {calls}" : "")}.", trap),
    };
}
