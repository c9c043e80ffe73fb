using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Node.Inference.Programs;

namespace Stoa.Node.Tests.Inference.Programs;

public sealed class ModelProgramLoadTests
{
    [Fact]
    public async Task Program_ThatIsReadTooSlowly_IsRefused()
    {
        // A part that no instance has, so that reading it is all there is to do.
        byte[] program = [.. Stoa.Wasm.Text.ModuleText.ToBinary("""(module (memory 1) (func (export "_start")))"""), .. CustomSection(32 << 20)];

        var (loaded, fault) = await LoadAsync(program, new Overdue());
        loaded?.Dispose();

        fault.ShouldNotBeNull();
        fault.ShouldContain("Raise LoadMs");
        var (good, none) = await LoadAsync(program, TimeProvider.System);
        none.ShouldBeNull();
        good!.Dispose();
    }

    private static Task<(ModelProgram? Program, string? Fault)> LoadAsync(byte[] program, TimeProvider time) => ModelProgram.LoadAsync(
        program,
        new ProgramRequirements("m", "m.wasm", 1, new ProgramLimits(1 << 20, 1_000, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), 1_000), new ProgramLog("m", time, NullLogger.Instance), time),
        TestContext.Current.CancellationToken);

    private static byte[] CustomSection(int bytes)
    {
        var size = new List<byte>();
        for (var left = bytes + 2; ; left >>= 7)
        {
            size.Add((byte)((left & 0x7F) | (left > 0x7F ? 0x80 : 0)));
            if (left <= 0x7F)
                break;
        }

        return [0, .. size, 1, (byte)'x', .. new byte[bytes]];
    }

    /// <summary>Whose timers have run down when they are set.</summary>
    private sealed class Overdue : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
