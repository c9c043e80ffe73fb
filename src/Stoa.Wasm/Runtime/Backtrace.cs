using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Stoa.Wasm.Compilation;

namespace Stoa.Wasm.Runtime;

/// <summary>The guests' calls that a trap ended, read from the stack trace that the runtime keeps with each exception.</summary>
/// <remarks>Nothing is done for it before somebody asks.</remarks>
/// <param name="Frames">The innermost calls, at most <see cref="MaxFrames"/>.</param>
/// <param name="Count">How many calls there were.</param>
internal sealed record Backtrace(ImmutableArray<WasmFrame> Frames, int Count)
{
    public const int MaxFrames = 50;

    public static Backtrace Of(TrapException trap)
    {
        var frames = ImmutableArray.CreateBuilder<WasmFrame>();
        int count = 0;

        // A trap that the hardware noticed went up to the host's call as another exception, and from there on as this one.
        if (trap.InnerException is { } inner)
            Read(inner, frames, ref count);
        Read(trap, frames, ref count);
        return new Backtrace(frames.ToImmutable(), count);
    }

    /// <summary>A line for each call; empty when there was none.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        bool isLinked = Frames.Select(frame => frame.Module).OfType<Module>().Distinct().Count() > 1;
        for (int i = 0; i < Frames.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i,3}: {Frames[i]}");
            if (isLinked && Frames[i].Module is { } module)
                text.Append(CultureInfo.InvariantCulture, $" of {module.Digest}");
            text.Append('\n');
        }

        if (Count > Frames.Length)
            text.Append(CultureInfo.InvariantCulture, $"     and {Count - Frames.Length:N0} more\n");
        return text.ToString();
    }

    private static void Read(Exception exception, ImmutableArray<WasmFrame>.Builder frames, ref int count)
    {
        foreach (var frame in new StackTrace(exception, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is not { } method || MethodOrigin.Find(method) is not { } origin)
                continue;
            if (count++ < MaxFrames)
                frames.Add(new WasmFrame(origin.Module, origin.Function, origin.Module?.LabelOf(origin.Function!.Value)));
        }
    }
}
