using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Tests.Runtime;

public sealed class SnapshotTests
{
    private const int Seeds = 60;
    private const int Page = Memory.PageBytes;

    /// <summary>
    /// <c>run(seed)</c> does 300 acts that depend on its seed and on all state that there is: stores, growth, references moved between
    /// table and global, indirect calls, calls of the host. <c>init</c> and <c>initTable</c> trap when their segment was dropped.
    /// </summary>
    private const string Restless =
        """
        (module
          (type $f (func (param i32) (result i32)))
          (import "host" "mix" (func $mix (type $f)))
          (memory (export "memory") 2 40)
          (table $t (export "table") 4 90 funcref)
          (elem (i32.const 0) $double $bump)
          (elem $e func $mix $double)
          (data (i32.const 70000) "start")
          (data $d "passive data")
          (global $x (mut i32) (i32.const 7))
          (global $count (export "count") (mut i64) (i64.const 0))
          (global $v (mut v128) (v128.const i64x2 3 4))
          (global $r (mut funcref) (ref.null func))
          (global $none (mut externref) (ref.null extern))
          (func $double (type $f) (i32.mul (local.get 0) (i32.const 2)))
          (func $bump (type $f) (global.set $x (i32.add (global.get $x) (local.get 0))) (global.get $x))
          (func $at (param i32) (result i32) (i32.rem_u (i32.shr_u (local.get 0) (i32.const 4)) (table.size $t)))
          (func $act (param $n i32)
            (local $i i32)
            (local.set $i (call $at (local.get $n)))
            (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
              (br_table $0 $1 $2 $3 $4 $5 $6 $7 (i32.and (local.get $n) (i32.const 7))))
              (i32.store
                (i32.rem_u (local.get $n) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)))
                (global.get $x)) (return))
              (if (i32.eqz (i32.and (local.get $n) (i32.const 0x700))) (then (drop (memory.grow (i32.const 1))))) (return))
              (if (i32.eqz (i32.and (local.get $n) (i32.const 0x300))) (then (drop (table.grow $t (ref.func $bump) (i32.const 1))))) (return))
              (table.set $t (local.get $i) (global.get $r)) (return))
              (global.set $r (table.get $t (local.get $i))) (return))
              (if (i32.eqz (ref.is_null (table.get $t (local.get $i))))
                (then (global.set $x (call_indirect $t (type $f) (global.get $x) (local.get $i))))) (return))
              (global.set $v (i32x4.add (global.get $v) (i32x4.splat (local.get $n))))
              (global.set $x (i32.xor (global.get $x) (i32x4.extract_lane 2 (global.get $v)))) (return))
            (global.set $x (call $mix (global.get $x)))
            (if (i32.eqz (i32.and (local.get $n) (i32.const 0xff00))) (then (data.drop $d) (elem.drop $e))))
          (func (export "run") (param $seed i32) (result i32)
            (local $i i32)
            (local.set $i (i32.const 300))
            (loop $again
              (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
              (call $act (i32.shr_u (i32.xor (local.get $seed) (global.get $x)) (i32.const 3)))
              (global.set $count (i64.add (global.get $count) (i64.const 1)))
              (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
            (global.get $x))
          (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 12)))
          (func (export "initTable") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))))
        """;

    private readonly Engine _engine = new();

    [Fact]
    public void Restored_GoesOnJustAsTheOriginal()
    {
        var module = _engine.CompileText(Restless);
        int dropped = 0, nulls = 0;
        Parallel.For(0, Seeds, seed =>
        {
            using var original = module.Instantiate(Host(seed));
            original.Invoke("run", seed);
            var snapshot = original.TakeSnapshot();
            var ends = new List<string>();

            // The second restored instance proves that the first one did not change the snapshot.
            using var first = snapshot.Instantiate(Host(seed));
            using var second = snapshot.Instantiate(Host(seed));
            first.FuelConsumed.ShouldBe(0);
            long fuel = original.FuelConsumed;
            ends.Add(GoOn(original, seed + 1000));
            fuel = original.FuelConsumed - fuel;
            foreach (var restored in new[] { first, second })
            {
                ends.Add(GoOn(restored, seed + 1000));
                restored.FuelConsumed.ShouldBe(fuel);
            }

            ends.Distinct().Count().ShouldBe(1, string.Join("\n\n", ends));
            if (ends[0].Contains("out of bounds", StringComparison.Ordinal))
                Interlocked.Increment(ref dropped);
            if (ends[0].Contains("null", StringComparison.Ordinal))
                Interlocked.Increment(ref nulls);
        });

        // The states were not all of one sort.
        dropped.ShouldBeInRange(1, Seeds - 1);
        nulls.ShouldBeInRange(1, Seeds);
    }

    [Fact]
    public void References_AreToTheNewInstance_AndToItsImports()
    {
        var module = _engine.CompileText(
            """
            (module
              (type $f (func (result i32)))
              (import "host" "a" (func $a (type $f)))
              (import "host" "b" (func $b (type $f)))
              (table (export "table") 3 funcref)
              (global $r (export "r") (mut funcref) (ref.null func))
              (global $n (mut i32) (i32.const 0))
              (elem declare func $b $next)
              (func $next (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
              (func (export "fill")
                (table.set (i32.const 0) (ref.func $b)) (table.set (i32.const 1) (ref.func $next)) (global.set $r (ref.func $next)))
              (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))
            """);
        using var original = module.Instantiate(Numbers(1, 2));
        original.Invoke("fill");
        original.Invoke("next");
        using var restored = original.TakeSnapshot().Instantiate(Numbers(10, 20));

        restored.Invoke("call", 0)[0].ToInt32().ShouldBe(20);
        restored.Invoke("call", 1)[0].ToInt32().ShouldBe(2);
        restored.GetGlobal("r")!.Value.ToFunction()!.Invoke()[0].ToInt32().ShouldBe(3);
        restored.GetGlobal("r")!.Value.ToFunction().ShouldBeSameAs(restored.GetFunction("next"));
        Should.Throw<TrapException>(() => restored.Invoke("call", 2)).Code.ShouldBe(TrapCode.IndirectCallToNull);
        original.Invoke("call", 0)[0].ToInt32().ShouldBe(2);
        original.Invoke("next")[0].ToInt32().ShouldBe(2);
    }

    [Fact]
    public void Start_AndInitializers_DoNotRunAgain()
    {
        int starts = 0;
        var module = _engine.CompileText(
            """
            (module (import "host" "started" (func $s)) (memory (export "memory") 1) (data (i32.const 8) "data") (start $s)
              (func (export "wipe") (i32.store (i32.const 8) (i32.const 0))))
            """);
        var imports = new Imports().AddFunction("host", "started", () => { starts++; });
        using var original = module.Instantiate(imports);
        original.Invoke("wipe");

        using var restored = original.TakeSnapshot().Instantiate(imports);

        starts.ShouldBe(1);
        restored.Memory!.ReadInt32(8).ShouldBe(0);
    }

    [Fact]
    public void Snapshot_KeepsOnlyWhatIsNotZero_AndTheSizeOfTheMemory()
    {
        using var original = Samples.Instantiate(Samples.MemoryAccess);
        original.Invoke("grow", 99);
        original.Memory!.WriteInt32((100 * Page) - 4, 5);
        original.Memory!.WriteInt32(3 * Page, 6);

        var snapshot = original.TakeSnapshot();
        using var restored = snapshot.Instantiate(new Imports());

        snapshot.MemoryBytes.ShouldBe(2 * 4096);
        restored.Memory!.SizePages.ShouldBe(100u);
        restored.Memory.ReadInt32((100 * Page) - 4).ShouldBe(5);
        restored.Memory.ReadInt32(3 * Page).ShouldBe(6);
        restored.Invoke("grow", 1)[0].ToInt32().ShouldBe(100);
        restored.Invoke("load", 100 * Page)[0].ToInt32().ShouldBe(0);
    }

    [Fact]
    public void Restored_SharesNothingThatItWrites_AndItsPlaceIsCleanAfterwards()
    {
        using var original = Samples.Instantiate(Samples.MemoryAccess);
        original.Invoke("fill", 0, 1, Page);
        var snapshot = original.TakeSnapshot();
        for (int round = 0; round < 3; round++)
        {
            using (var first = snapshot.Instantiate(new Imports()))
            using (var second = snapshot.Instantiate(new Imports()))
            {
                first.Invoke("grow", 1);
                first.Invoke("fill", 100, 2, Page);
                second.Invoke("load", 100)[0].ToInt32().ShouldBe(0x01010101);
                first.Invoke("load", 100)[0].ToInt32().ShouldBe(0x02020202);
                Should.Throw<TrapException>(() => second.Invoke("load", Page)).Code.ShouldBe(TrapCode.MemoryOutOfBounds);
            }

            // These get the places of the two that are gone.
            for (int fresh = 0; fresh < 2; fresh++)
            {
                using var instance = Samples.Instantiate(Samples.MemoryAccess);
                instance.Memory!.GetSpan(0, Page).IndexOfAnyExcept((byte)0).ShouldBe(-1);
                Should.Throw<TrapException>(() => instance.Invoke("load", Page)).Code.ShouldBe(TrapCode.MemoryOutOfBounds);
                instance.Invoke("grow", 2)[0].ToInt32().ShouldBe(1);
                instance.Memory.GetSpan(0, 3 * Page).IndexOfAnyExcept((byte)0).ShouldBe(-1);
            }
        }

        var last = snapshot.Instantiate(new Imports());
        snapshot.Dispose();
        last.Invoke("load", 100)[0].ToInt32().ShouldBe(0x01010101);
        last.Dispose();
        Should.Throw<ObjectDisposedException>(() => snapshot.Instantiate(new Imports()));
    }

    [Fact]
    public void Image_GivesTheSameBytes_WhereverItIsKept()
    {
        var random = new Random(5);
        for (int round = 0; round < 40; round++)
        {
            using var memory = new Memory(new Limits((uint)random.Next(0, 40), 64));
            for (int writes = random.Next(6); writes > 0 && memory.SizeBytes > 0; writes--)
            {
                int start = random.Next((int)memory.SizeBytes);
                random.NextBytes(memory.GetSpan((uint)start, random.Next((int)memory.SizeBytes - start)));
            }

            // Without files in memory, as on some systems, both are arrays.
            foreach (var file in new[] { null, MemoryFile.TryCreate() })
            {
                using var image = MemoryImage.Of(memory, file);
                using var copy = new Memory(new Limits(image.Pages, 64));
                image.CopyTo(copy);
                copy.GetSpan(0, (int)copy.SizeBytes).SequenceEqual(memory.GetSpan(0, (int)memory.SizeBytes)).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void Snapshot_OutlivesItsInstance_AndComesFromATrap()
    {
        InstanceSnapshot snapshot;
        using (var original = Samples.Instantiate(Samples.MemoryAccess))
        {
            original.Invoke("store", 16, 77);
            Should.Throw<TrapException>(() => original.Invoke("load", -1));
            snapshot = original.TakeSnapshot();
            original.Invoke("store", 16, 78);
        }

        using var restored = snapshot.Instantiate(new Imports());
        restored.Invoke("load", 16)[0].ToInt32().ShouldBe(77);
    }

    [Fact]
    public void Limits_OfTheNewInstance_HoldForWhatTheSnapshotHolds()
    {
        using var original = Samples.Instantiate(Samples.MemoryAccess);
        original.Invoke("grow", 9);
        var snapshot = original.TakeSnapshot();

        Should.Throw<LinkException>(() => snapshot.Instantiate(new Imports(), new ExecutionLimits { MaxMemoryBytes = 9 * Page }))
            .Refusal.ShouldBe(LinkRefusal.MemoryLimit);
        using var restored = snapshot.Instantiate(new Imports(), new ExecutionLimits { MaxMemoryBytes = 11 * Page, Fuel = 3_000 });
        restored.Invoke("grow", 1)[0].ToInt32().ShouldBe(10);
        restored.Invoke("grow", 1)[0].ToInt32().ShouldBe(-1);
        Should.Throw<TrapException>(() => restored.Invoke("fill", 0, 1, Page)).Code.ShouldBe(TrapCode.OutOfFuel);
        Should.Throw<LinkException>(() => TableOf(9).TakeSnapshot().Instantiate(new Imports(), new ExecutionLimits { MaxTableElements = 8 }))
            .Refusal.ShouldBe(LinkRefusal.TableLimit);
        Should.Throw<LinkException>(() => _engine.CompileText(Restless).Instantiate(Host(0)).TakeSnapshot().Instantiate(new Imports()))
            .Refusal.ShouldBe(LinkRefusal.UnknownImport);
    }

    [Theory]
    [InlineData("""(import "m" "memory" (memory 1))""")]
    [InlineData("""(import "m" "table" (table 1 funcref))""")]
    [InlineData("""(import "m" "global" (global (mut i32)))""")]
    public void InstanceThatSharesState_IsRefused(string import)
    {
        using var memory = new Memory(new Limits(1, null));
        using var table = new Table(ValueKind.FuncRef, new Limits(1, null));
        var imports = new Imports().Add("m", "memory", memory).Add("m", "table", table).Add("m", "global", new Global(isMutable: true, 1));
        using var instance = _engine.CompileText($"(module {import})").Instantiate(imports);

        Should.Throw<SnapshotException>(instance.TakeSnapshot).Refusal.ShouldBe(SnapshotRefusal.SharedState);
    }

    [Fact]
    public void ReferencesFromOutside_AreRefused()
    {
        using var other = Samples.Instantiate(Samples.Sum);
        using var instance = TableOf(2);
        var table = instance.GetTable("table")!;

        table[1] = Value.FromFunction(other.GetFunction("sum"));
        Should.Throw<SnapshotException>(instance.TakeSnapshot).Refusal.ShouldBe(SnapshotRefusal.ForeignFunction);
        table[1] = Value.FromFunction(Function.FromDelegate(() => 1));
        Should.Throw<SnapshotException>(instance.TakeSnapshot).Refusal.ShouldBe(SnapshotRefusal.ForeignFunction);
        table[1] = Value.FromFunction(null);
        instance.GetGlobal("object")!.Value = Value.FromExtern("an object");
        Should.Throw<SnapshotException>(instance.TakeSnapshot).Refusal.ShouldBe(SnapshotRefusal.HostReference);
        instance.GetGlobal("object")!.Value = Value.FromExtern(null);
        instance.TakeSnapshot().MemoryBytes.ShouldBe(0);
    }

    [Fact]
    public void InstanceThatRuns_OrIsGone_IsRefused()
    {
        Instance instance = null!;
        Exception? refusal = null;
        var imports = new Imports().AddFunction("env", "call", () => { refusal = Record.Exception(instance.TakeSnapshot); });
        instance = Samples.Instantiate(Samples.HostRecursion, imports: imports);
        instance.Invoke("run");
        refusal.ShouldBeOfType<InvalidOperationException>();
        instance.Dispose();
        Should.Throw<ObjectDisposedException>(instance.TakeSnapshot);
    }

    private static Imports Numbers(int a, int b) =>
        new Imports().AddFunction("host", "a", () => a).AddFunction("host", "b", () => b);

    /// <summary>A host that knows nothing from one call to the next, but differs from seed to seed.</summary>
    private static Imports Host(int seed) => new Imports().AddFunction("host", "mix", (int x) => (x * 31) ^ (x >>> 7) ^ seed);

    private Instance TableOf(int elements) => _engine.CompileText(
        $"""(module (table (export "table") {elements} funcref) (global (export "object") (mut externref) (ref.null extern)))""").Instantiate(new Imports());

    /// <summary>Runs on, and tells everything that can be seen of an instance.</summary>
    private static string GoOn(Instance instance, int seed)
    {
        int result = instance.Invoke("run", seed)[0].ToInt32();
        var table = instance.GetTable("table")!;
        var elements = Enumerable.Range(0, (int)table.Length).Select(i => table[(uint)i].ToFunction()).ToList();
        var tells = elements.Select(function => function is null ? "null" : function.Invoke(1000)[0].ToInt32().ToString());
        var hash = Stoa.Primitives.ContentHash.Of(instance.Memory!.GetSpan(0, (int)instance.Memory.SizeBytes));
        var segments = new[] { "init", "initTable" }.Select(name => Record.Exception(() => instance.Invoke(name))?.Message ?? "there");
        return $"{result} {instance.GetGlobal("count")!.Value} {instance.Memory.SizePages} {hash} [{string.Join(' ', tells)}] {string.Join(", ", segments)}";
    }
}
