from analysis.video.probe import probe
from app.components.clip_picker import example_clips, picker_value, with_upload
from app.example_clips import EXAMPLES_FOLDER, list_examples


def test_every_example_is_readable_has_a_thumbnail_and_names_its_licence():
    for example in list_examples():
        assert probe(example.path).frame_count > 8
        assert example.thumbnail.stat().st_size < 10_000
        assert any(word in example.credit for word in ("CC BY", "Apache", "zlib"))


def test_nothing_lies_in_the_folder_that_is_not_offered():
    offered = {example.file for example in list_examples()}
    assert {path.name for path in EXAMPLES_FOLDER.glob("*.mp4")} == offered


def test_the_page_never_learns_a_path_of_the_server():
    clips = example_clips()
    assert str(EXAMPLES_FOLDER) not in str(picker_value(clips, clips[0].name))


def test_uploads_stand_in_front_newest_first_and_only_the_latest_are_kept(tmp_path):
    clips = example_clips()
    source = list_examples()[0].path.read_bytes()
    for number in range(8):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(source)
        clips = with_upload(clips, str(path))
    titles = [clip.title for clip in clips]
    assert titles[:6] == ["7.mp4", "6.mp4", "5.mp4", "4.mp4", "3.mp4", "2.mp4"]
    assert len(clips) == 6 + len(list_examples())
    assert len(with_upload(clips, str(tmp_path / "5.mp4"))) == len(clips)
