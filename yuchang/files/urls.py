from django.urls import path

from yuchang.files import views

app_name = "files"
urlpatterns = [
    path("", views.index, name="index"),
    path("upload", views.upload, name="upload"),
    path("store", views.status, name="status"),
    path("<int:pk>", views.file, name="file"),
    path("<int:pk>/download", views.download, name="download"),
    path("<int:pk>/thumbnail", views.thumbnail, name="thumbnail"),
    path("<int:pk>/remove", views.remove, name="remove"),
    path("<int:pk>/hold", views.hold, name="hold"),
]
