namespace Stoa.Wasm.Tests.Runtime;

public sealed class MemoryTests
{
    [Theory]
    [InlineData(65_532, true)]
    [InlineData(65_533, false)]
    [InlineData(-1, false)]
    [InlineData(int.MinValue, false)]
    public void Load_NearTheEnd_StaysInside(int address, bool isInside)
    {
        using var instance = Samples.Instantiate(Samples.MemoryAccess);
        if (isInside)
            instance.Invoke("load", address)[0].ToInt32().ShouldBe(0);
        else
            FuelTests.Traps(() => instance.Invoke("load", address), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void Grow_UpToTheLimitInBytes_ThenRefuses()
    {
        using var instance = Samples.Instantiate(Samples.MemoryAccess, new ExecutionLimits { MaxMemoryBytes = 3 * Memory.PageBytes });
        instance.Invoke("grow", 2)[0].ToInt32().ShouldBe(1);
        instance.Invoke("grow", 1)[0].ToInt32().ShouldBe(-1);
        instance.Invoke("grow", -1)[0].ToInt32().ShouldBe(-1);
        instance.Memory!.SizePages.ShouldBe(3u);
        instance.Invoke("store", (3 * Memory.PageBytes) - 4, 42);
        instance.Memory.ReadInt32((3 * Memory.PageBytes) - 4).ShouldBe(42);
    }

    [Fact]
    public void Instantiate_DeclaredMemoryAboveTheLimit_IsRefused()
    {
        byte[] module = new ModuleBuilder().Memory(16_384).Build();
        var refusal = Should.Throw<LinkException>(
            () => Samples.Instantiate(module, new ExecutionLimits { MaxMemoryBytes = 64 << 20 }));
        refusal.Refusal.ShouldBe(LinkRefusal.MemoryLimit);
    }

    [Fact]
    public void HostAccess_OutOfBounds_TrapsAndTouchesNothing()
    {
        using var instance = Samples.Instantiate(Samples.MemoryAccess);
        var memory = instance.Memory!;
        memory.TryGetSpan(65_530, 7, out _).ShouldBeFalse();
        memory.TryGetSpan(uint.MaxValue, 1, out _).ShouldBeFalse();
        memory.TryGetSpan(0, -1, out _).ShouldBeFalse();
        memory.TryGetSpan(65_536, 0, out var empty).ShouldBeTrue();
        empty.Length.ShouldBe(0);
        FuelTests.Traps(() => memory.WriteInt64(65_529, 1), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void HostAccess_NumbersAndText_AreReadAsTheyWereWritten()
    {
        using var memory = new Memory(new Limits(1, null));
        memory.WriteSingle(0, -1.5f);
        memory.WriteInt32(16, 0x7fa0_0001);
        memory.WriteSingle(4, memory.ReadSingle(16));
        memory.WriteDouble(8, Math.PI);
        memory.GetSpan(0, 4).ToArray().ShouldBe([0, 0, 0xc0, 0xbf]);
        memory.ReadSingle(0).ShouldBe(-1.5f);
        memory.ReadInt32(4).ShouldBe(0x7fa0_0001);
        memory.ReadDouble(8).ShouldBe(Math.PI);
        memory.WriteUtf8(65_533, "é!").ShouldBe(3);
        memory.ReadUtf8(65_533, 3).ShouldBe("é!");
        FuelTests.Traps(() => memory.WriteUtf8(65_533, "abcd"), TrapCode.MemoryOutOfBounds);
        memory.ReadUtf8(65_533, 3).ShouldBe("é!");
        memory.WriteUtf8(65_536, "").ShouldBe(0);
        FuelTests.Traps(() => memory.WriteDouble(65_529, 0), TrapCode.MemoryOutOfBounds);
        FuelTests.Traps(() => memory.ReadSingle(65_533), TrapCode.MemoryOutOfBounds);
    }

    [Fact]
    public void Dispose_GivesTheMemoryBack_AndRefusesCalls()
    {
        var instance = Samples.Instantiate(Samples.MemoryAccess);
        var load = instance.GetFunction("load")!;
        var memory = instance.Memory!;
        instance.Dispose();
        memory.SizeBytes.ShouldBe(0);
        Should.Throw<ObjectDisposedException>(() => load.Invoke(0));
        instance.Dispose();
    }
}
