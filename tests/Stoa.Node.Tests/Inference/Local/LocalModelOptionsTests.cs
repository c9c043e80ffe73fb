using Stoa.Node.Inference.Local;

namespace Stoa.Node.Tests.Inference.Local;

public sealed class LocalModelOptionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-local-options-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Options_OfAGgufFile_AreRefusedForAProgram()
    {
        var program = Options("\0asm");

        program.Faults().ShouldBeEmpty();
        (program with { ContextLength = 4_096 }).Faults().ShouldHaveSingleItem().ShouldStartWith("ContextLength is of a GGUF file, and has no effect here. Leave it out");
        (program with { Threads = 2 }).Faults().ShouldHaveSingleItem().ShouldStartWith("Threads is of");
        (program with { ChatTemplate = "chatml" }).Faults().ShouldHaveSingleItem().ShouldStartWith("ChatTemplate is of");
        (program with { Slots = 257 }).Faults().ShouldBe(["Slots of a program are from 1 to 256."]);
        (program with { MemoryBytes = 1, Fuel = 0, TimeoutMs = 0, LoadMs = 0 }).Faults().Count().ShouldBe(4);
    }

    [Fact]
    public void Rules_OfLlamaCpp_AreNotThoseOfAProgram()
    {
        // The most that llama.cpp would hold for all slots together is less.
        (Options("\0asm") with { Slots = 256 }).Faults().ShouldBeEmpty();
        (Options("GGUF") with { Slots = 100_000 }).Faults().ShouldNotBeEmpty();
    }

    [Fact]
    public void Options_OfAProgram_AreRefusedForAGgufFile()
    {
        var gguf = Options("GGUF");

        (gguf with { ContextLength = 4_096, Threads = 2, ChatTemplate = "chatml" }).Faults().ShouldBeEmpty();
        (gguf with { MemoryBytes = 1 << 20 }).Faults().ShouldHaveSingleItem().ShouldStartWith("MemoryBytes is of a WebAssembly program, and has no effect here. Leave it out");
        (gguf with { Fuel = 1 }).Faults().ShouldHaveSingleItem().ShouldStartWith("Fuel is of");
        (gguf with { TimeoutMs = 1 }).Faults().ShouldHaveSingleItem().ShouldStartWith("TimeoutMs is of");
        (gguf with { LoadMs = 1 }).Faults().ShouldHaveSingleItem().ShouldStartWith("LoadMs is of");
    }

    [Fact]
    public void File_ThatIsNotThereYet_IsLookedAtLater() =>
        new LocalModelOptions { Model = "stoa/model@1.0.0", File = Path.Combine(_folder, "none"), ContextLength = 4_096, Fuel = 1 }.Faults().ShouldBeEmpty();

    private LocalModelOptions Options(string begin)
    {
        var file = Path.Combine(_folder, Path.GetRandomFileName());
        File.WriteAllText(file, begin);
        return new LocalModelOptions { Model = "stoa/model@1.0.0", File = file };
    }
}
